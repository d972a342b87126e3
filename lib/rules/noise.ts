/** Layers that act only in training. */
import { passThrough } from './rule';

export const dropout = passThrough('Dropout', ['rate', 'noiseShape', 'seed']);
export const spatialDropout1d = passThrough('SpatialDropout1D', ['rate', 'seed']);
export const gaussianNoise = passThrough('GaussianNoise', ['stddev']);
export const gaussianDropout = passThrough('GaussianDropout', ['rate']);
export const alphaDropout = passThrough('AlphaDropout', ['rate', 'noiseShape']);
