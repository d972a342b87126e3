/** Small models of random weights in any configuration. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { materialize, type BertConfig, type BertHead, type LlamaConfig } from 'tfjs-prune';
import { randomWeights } from '../../bench/zoo/transformers';
import { bertPlaces, bertTopology } from '../../lib/models/bert';
import { llamaPlaces, llamaTopology } from '../../lib/models/llama';
import type { Place } from '../../lib/models/places';

export function tinyLlama(config: LlamaConfig, seed = 1): Promise<LayersModel> {
  return filled(config, llamaTopology(config), llamaPlaces(config), seed);
}

export function tinyBert(config: BertConfig, head: BertHead, seed = 1): Promise<LayersModel> {
  return filled(config, bertTopology(config, { head }), bertPlaces(config, { head }), seed);
}

async function filled(
  config: LlamaConfig | BertConfig,
  topology: ReturnType<typeof llamaTopology>,
  places: readonly Place[],
  seed: number,
): Promise<LayersModel> {
  return materialize({ topology, weights: await randomWeights(config, places, { seed }) });
}
