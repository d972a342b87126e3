/** Norms that divide by the width there was at first: a unit that is gone counts as a zero, so their units can go. */
import { unitsAlong, type LayerRule, type LocalSite } from './rule';

export const RMS_NORM = 'PruneRmsNorm';
export const LAYER_NORM = 'PruneLayerNorm';

export const rmsNorm = widthNorm(RMS_NORM, ['gamma']);
/** The shift by the mean does not leave a masked unit at zero, but its gamma and beta, which are masked with it, do. */
export const layerNorm = widthNorm(LAYER_NORM, ['gamma', 'beta']);

function widthNorm(className: string, parameters: readonly string[]): LayerRule {
  return {
    className,
    understands: ['epsilon', 'width'],
    weights: parameters.length,
    normalizes: true,
    trace(call) {
      const { shape } = call.inputs[0];
      const axis = shape.length - 1;
      const width = unitsAlong(call, axis);
      call.readBare(width);
      call.regard(width, 'dimensions');
      const sites = parameters.map((parameter, weight): LocalSite => ({
        weight,
        axis: 0,
        width,
        role: 'scales',
        parameter,
      }));
      return { outputs: [{ shape, axis, width }], sites };
    },
  };
}
