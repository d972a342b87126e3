/** An embedding table `[vocabulary, dimensions]`, perhaps with a bias, that also makes the logits: tokens in at rank 2, vectors at rank 3. */
import { transpose } from '../core/array';
import { dense } from './dense';
import { embedding } from './embedding';
import {
  biasSite,
  elements,
  unitsAlong,
  type HeldCall,
  type LayerCall,
  type LayerRule,
  type LocalSite,
  type Traced,
} from './rule';

export const TIED_EMBEDDING = 'PruneTiedEmbedding';

export const tiedEmbedding: LayerRule = {
  className: TIED_EMBEDDING,
  understands: ['inputDim', 'outputDim', 'useBias'],
  weights: 1,
  trace: call => (call.inputs[0].shape.length === 2 ? lookUp(call) : logits(call)),
  resize: ({ weights: [[inputDim, outputDim]] }) => ({ inputDim, outputDim }),
  untied,
  macs: ({ inputs: [input], weights: [table] }) => (input.length === 2 ? 0 : elements(input) * table[0]),
};

function lookUp(call: LayerCall): Traced {
  const [{ shape, width }] = call.inputs;
  call.freeze(width, `"${call.path}" looks them up as whole numbers`);
  const { out, sites } = table(call);
  return { outputs: [{ shape: [...shape, out.length], axis: shape.length, width: out }], sites };
}

/** The table is one weight, and a masked unit of it counts as zero wherever it is made. */
function logits(call: LayerCall): Traced {
  const { shape } = call.inputs[0];
  const axis = shape.length - 1;
  const { out, vocabulary, sites } = table(call);
  call.readBare(call.unify(out, unitsAlong(call, axis)));
  return { outputs: [{ shape: [...shape.slice(0, -1), vocabulary.length], axis, width: vocabulary }], sites };
}

/** The same units at every call. */
function table(call: LayerCall) {
  const [[tokens, size]] = call.weights;
  const out = call.fresh('outputDim', size, 'dimensions');
  const vocabulary = call.fresh('vocabulary', tokens, 'tokens');
  call.freeze(vocabulary, `the vocabulary of "${call.path}"`);
  const sites: LocalSite[] = [
    { weight: 0, axis: 1, width: out, role: 'makes', parameter: 'kernel' },
    { weight: 0, axis: 0, width: vocabulary, role: 'makes', parameter: 'kernel' },
    ...biasSite(call.config.useBias === true, 1, vocabulary, 'makes'),
  ];
  return { out, vocabulary, sites };
}

/** The table itself, or its transpose as the head of a language model. */
function untied({
  config,
  weights: [table, ...bias],
  inputs: [input],
}: HeldCall): ReturnType<NonNullable<LayerRule['untied']>> {
  const { inputDim, outputDim, trainable = true } = config;
  if (input.length === 2) {
    return { className: embedding.className, config: { trainable, inputDim, outputDim }, weights: [table] };
  }
  const kernel = { trainable, units: inputDim, activation: 'linear', useBias: bias.length > 0 };
  return { name: 'lm_head', className: dense.className, config: kernel, weights: [transpose(table, [1, 0]), ...bias] };
}
