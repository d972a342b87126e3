/** Transformers in the shapes of others with random weights, for texts of one length. */
import { readConfig, type Checkpoint, type LlamaConfig, type ModelConfig } from '../../lib';
import type { Topology } from '../../lib/core/checkpoint';
import { random } from '../../lib/core/random';
import { bertPlaces, bertTopology } from '../../lib/models/bert';
import { drawnWeights } from '../../lib/models/create';
import { llamaPlaces, llamaTopology } from '../../lib/models/llama';
import type { Place } from '../../lib/models/places';

/** Tokens of a text. */
export const LENGTH = 128;

/**
 * A standard deviation of 0.02, as BERT and Llama begin with. At six times that attention looks at one token alone, and rounding the weights of
 * BERT-base changes its outputs by 2e-4.
 */
const WIDTH = 0.02 * Math.sqrt(12);

const CONFIGS = {
  // Devlin et al. 2019, 1810.04805: 110 million parameters.
  'bert-base': {
    model_type: 'bert',
    vocab_size: 30522,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
  },
  // SmolLM-135M: as many layers as larger Llamas have, three query heads to a key and value head, a tied table.
  'llama-135m': {
    model_type: 'llama',
    vocab_size: 49152,
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
    tie_word_embeddings: true,
  },
} as const;

export type TransformerName = keyof typeof CONFIGS;
export const TRANSFORMERS = Object.keys(CONFIGS) as readonly TransformerName[];

export async function transformer(name: TransformerName): Promise<Checkpoint> {
  const config = readConfig(CONFIGS[name]);
  const { topology, places } = builtFrom(config);
  return { topology: ofLength(topology), weights: await randomWeights(config, places, { width: WIDTH }) };
}

/** Scales of norms around 1, all else around 0, evenly over an interval of that width. */
export function randomWeights(
  config: ModelConfig,
  places: readonly Place[],
  { seed = 0, width = 0.4 } = {},
): Promise<Checkpoint['weights']> {
  const { uniform } = random(seed, 'tiny');
  return drawnWeights(config, places, tensor => {
    const middle = /norm.*weight/i.test(tensor) ? 1 : 0;
    return () => middle + width * (uniform() - 0.5);
  });
}

function builtFrom(config: ModelConfig): { readonly topology: Topology; readonly places: readonly Place[] } {
  // Where a classifier would stand: of a model that gave them away no dimension could go.
  const head = { head: 'pooler' } as const;
  if (config.kind === 'bert') return { topology: bertTopology(config, head), places: bertPlaces(config, head) };
  const llama = config as LlamaConfig;
  return { topology: llamaTopology(llama), places: llamaPlaces(llama) };
}

/** The input takes texts of any length, and nobody could count the multiply-accumulates. */
function ofLength(topology: Topology): Topology {
  const layers = topology.config.layers.map(spec =>
    spec.className === 'InputLayer' ? { ...spec, config: { ...spec.config, batchInputShape: [null, LENGTH] } } : spec,
  );
  return { ...topology, config: { ...topology.config, layers } };
}
