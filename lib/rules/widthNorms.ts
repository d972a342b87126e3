/** Norms that divide by the width there was at first: a unit that is gone counts as a zero, so their units can go. */
import { ndarray } from '../core/array';
import type { Config } from '../core/checkpoint';
import { unitsAlong, type HeldCall, type LayerRule, type LocalSite, type LoneLayer, type NormParts } from './rule';

export const RMS_NORM = 'PruneRmsNorm';
export const LAYER_NORM = 'PruneLayerNorm';

export const rmsNorm = widthNorm(RMS_NORM, ['gamma'], ({ config, weights: [{ data: scale }] }) => {
  const size = scale.length;
  return { core: bareNorm(size, config), centres: false, scale, shift: new Float32Array(size) };
});
/** The shift by the mean does not leave a masked unit at zero, but its gamma and beta, which are masked with it, do. */
export const layerNorm = widthNorm(LAYER_NORM, ['gamma', 'beta'], ({ config, weights: [gamma, beta] }) => {
  const size = gamma.data.length;
  // Dimensions that are gone count as zeros, which the mean is taken from as well.
  if (Number(config.width ?? size) !== size) return undefined;
  return { core: bareNorm(size, config), centres: true, scale: gamma.data, shift: beta.data };
});

/** What is left of a norm over `size` units without mean, scale and shift: it divides by the root of the mean square. */
export function bareNorm(size: number, { epsilon = 1e-5, width = size }: Config): LoneLayer {
  const gamma = ndarray(new Float32Array(size).fill(1), [size]);
  return { className: RMS_NORM, config: { trainable: true, epsilon, width }, weights: [gamma] };
}

function widthNorm(
  className: string,
  parameters: readonly string[],
  normParts: (call: HeldCall) => NormParts | undefined,
): LayerRule {
  return {
    className,
    understands: ['epsilon', 'width'],
    weights: parameters.length,
    normalizes: true,
    normParts,
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
