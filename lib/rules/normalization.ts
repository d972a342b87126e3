/** BatchNormalization: one gamma, beta, mean and variance per unit of its axis. LayerNormalization mixes along its axes. */
import { normalizing } from './pointwise';
import { fromStart, type HeldCall, type LayerRule, type LocalSite, type NormParts } from './rule';
import { bareNorm } from './widthNorms';

export const batchNormalization: LayerRule = {
  className: 'BatchNormalization',
  understands: ['axis', 'momentum', 'epsilon', 'center', 'scale'],
  trace(call) {
    const [flow] = call.inputs;
    const { axis = -1, scale, center } = call.config;
    if (fromStart(Number(axis), flow.shape.length) !== flow.axis) {
      // Along another axis it is a constant per position and leaves the units apart.
      call.shift(flow.width, `"${call.path}" adds a constant per position`);
      return { outputs: [flow] };
    }
    const parameters = [scale === false ? '' : 'gamma', center === false ? '' : 'beta', 'mean', 'variance'];
    const sites = parameters
      .filter(Boolean)
      .map((parameter, weight): LocalSite => ({ weight, axis: 0, width: flow.width, role: 'scales', parameter }));
    return { outputs: [flow], sites };
  },
  arithmetic: normalizing,
};

export const layerNormalization: LayerRule = {
  className: 'LayerNormalization',
  normalizes: true,
  normParts,
  understands: ['axis', 'epsilon', 'center', 'scale'],
  trace(call) {
    const [flow] = call.inputs;
    const axes = [call.config.axis ?? -1].flat().map(axis => fromStart(Number(axis), flow.shape.length));
    if (axes.includes(flow.axis)) call.freeze(flow.width, `"${call.path}" takes mean and variance over them`);
    call.shift(flow.width, `"${call.path}" adds a constant per position`);
    return { outputs: [flow] };
  },
};

function normParts({ config, weights, inputs: [shape] }: HeldCall): NormParts | undefined {
  const { axis = -1, scale, center, epsilon = 1e-3 } = config;
  const last = shape.length - 1;
  const size = shape[last];
  if (size === null || [axis].flat().map(one => fromStart(Number(one), shape.length)).join() !== String(last)) return undefined; // prettier-ignore
  const held = weights.map(({ data }) => data);
  const gamma = scale === false ? new Float32Array(size).fill(1) : held.shift()!;
  const beta = center === false ? new Float32Array(size) : held.shift()!;
  return { core: bareNorm(size, { epsilon }), centres: true, scale: gamma, shift: beta };
}
