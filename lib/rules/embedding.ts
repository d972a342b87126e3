/** Layers whose inputs are integers: Embedding `[vocabulary, dimensions]`, CategoryEncoding. */
import { always, type LayerRule, type Shape } from './rule';

export const embedding: LayerRule = {
  className: 'Embedding',
  understands: ['inputDim', 'outputDim', 'maskZero', 'inputLength'],
  weights: 1,
  trace(call) {
    const [flow] = call.inputs;
    call.freeze(flow.width, `"${call.path}" looks them up as whole numbers`);
    const out = call.fresh('outputDim', call.weights[0][1], 'dimensions');
    return {
      outputs: [{ shape: [...flow.shape, out.length], axis: flow.shape.length, width: out }],
      sites: [{ weight: 0, axis: 1, width: out, role: 'makes', parameter: 'kernel' }],
    };
  },
  resize: ({ weights: [table] }) => ({ outputDim: table[1] }),
  turns: always,
};

export const categoryEncoding: LayerRule = {
  className: 'CategoryEncoding',
  understands: ['numTokens', 'outputMode'],
  trace(call) {
    const { shape, width } = call.inputs[0];
    call.freeze(width, `"${call.path}" looks them up as whole numbers`);
    const tokens = Number(call.config.numTokens);
    const spread = call.config.outputMode === 'oneHot' && shape[shape.length - 1] !== 1;
    const encoded: Shape = [...(spread ? shape : shape.slice(0, -1)), tokens];
    const out = call.fresh('tokens', tokens, 'features');
    call.freeze(out, `the numbers that "${call.path}" encodes`);
    return { outputs: [{ shape: encoded, axis: encoded.length - 1, width: out }] };
  },
};
