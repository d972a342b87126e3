/** Layers that act only in training. */
import { identity } from './arithmetic';
import { passThrough } from './rule';

export const dropout = passThrough('Dropout', ['rate', 'noiseShape', 'seed'], identity);
export const spatialDropout1d = passThrough('SpatialDropout1D', ['rate', 'seed'], identity);
export const gaussianNoise = passThrough('GaussianNoise', ['stddev'], identity);
export const gaussianDropout = passThrough('GaussianDropout', ['rate'], identity);
export const alphaDropout = passThrough('AlphaDropout', ['rate', 'noiseShape'], identity);
