/** Dense: `[in, out]`, on the last axis of any rank. */
import { applyActivation } from './activation';
import { isBent } from './curves';
import * as matrix from './matrix';
import { biasSite, elements, unitsAlong, type LayerRule, type LocalSite } from './rule';

export const dense: LayerRule = {
  className: 'Dense',
  understands: ['units', 'activation', 'useBias', 'inputDim'],
  weights: 1,
  trace(call) {
    const [kernel] = call.weights;
    const { shape } = call.inputs[0];
    const axis = shape.length - 1;
    const input = unitsAlong(call, axis);
    const out = call.fresh('units', kernel[1], 'neurons');
    const flow = { shape: [...shape.slice(0, -1), kernel[1]], axis, width: out };
    const sites: LocalSite[] = [
      { weight: 0, axis: 0, width: input, role: 'reads', parameter: 'kernel' },
      { weight: 0, axis: 1, width: out, role: 'makes', parameter: 'kernel' },
      ...biasSite(call.config.useBias, 1, out, 'makes'),
    ];
    return { outputs: [applyActivation(call, flow)], sites };
  },
  resize: ({ weights: [kernel] }) => ({ units: kernel[1] }),
  macs: ({ inputs, weights: [kernel] }) => elements(inputs[0]) * kernel[1],
  turns: config => !isBent(config),
  arithmetic: matrix.dense,
};
