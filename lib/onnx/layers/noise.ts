/** What does nothing in a prediction. */
import type { Conversion } from '../conversion';

export const dropout = inTraining('Dropout', true);
export const spatialDropout1d = inTraining('SpatialDropout1D', true);
export const gaussianNoise = inTraining('GaussianNoise', true);
export const gaussianDropout = inTraining('GaussianDropout', true);
export const alphaDropout = inTraining('AlphaDropout', true);

function inTraining(className: string, keepsMask?: true): Conversion {
  return { className, keepsSizes: true, keepsMask, convert: ({ inputs }) => inputs[0] };
}
