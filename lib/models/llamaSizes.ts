/** The config.json of a Llama after its sizes have changed: everything else stays as it was written. */
import type { Json } from '../core/json';
import { areUniform, LAYERS_KEY } from './layerShape';
import { llamaConfigJson, type LlamaConfig } from './llamaConfig';

const SIZES = ['intermediate_size', 'num_attention_heads', 'num_key_value_heads', 'head_dim', 'num_hidden_layers'];
/** What a Mistral has other defaults for, or does not know. */
const EXPLICIT = ['max_position_embeddings', 'rope_theta'];
const TYPE = ['architectures', 'model_type', 'sliding_window'];
const BIASES = ['attention_bias', 'mlp_bias'];
const FACTORS = ['attention_multiplier', 'embedding_multiplier', 'residual_multiplier', 'logits_scaling'];

/** `json`, of which `config` is the outcome but for its layers. */
export function configAfter(json: Json, config: LlamaConfig): Json {
  const told = llamaConfigJson(config);
  // A Llama stays one in the words of others, where there are no words of its own for it.
  const becomesOther = told.model_type !== json.model_type && told.model_type !== 'llama';
  const keys = [...SIZES, ...(becomesOther ? [...TYPE, ...EXPLICIT, ...FACTORS] : []), LAYERS_KEY].filter(key => key in told); // prettier-ignore
  const obsolete = new Set([
    ...(told.model_type === 'mistral' && becomesOther ? BIASES : []),
    ...(becomesOther && json.rope_parameters != null ? ['rope_parameters'] : []),
    ...(areUniform(config.layers) ? [LAYERS_KEY] : []),
  ]);
  const stays = Object.entries(json).filter(([key]) => !obsolete.has(key));
  return { ...Object.fromEntries(stays), ...Object.fromEntries(keys.map(key => [key, told[key]])) };
}
