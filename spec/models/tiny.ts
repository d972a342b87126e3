/** Small models of random weights in any configuration. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { materialize, type BertConfig, type BertHead, type LlamaConfig } from 'tfjs-prune';
import { ndarray, sizeOf } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { bertPlaces, bertTopology } from '../../lib/models/bert';
import { llamaPlaces, llamaTopology } from '../../lib/models/llama';
import { weightsAt, type Place } from '../../lib/models/places';
import { tensorTable } from '../../lib/models/tensorTable';

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
  const shapes = new Map(tensorTable(config).rows.map(({ name, shape }) => [name, shape]));
  const draws = random(seed, 'tiny');
  const weights = await weightsAt(places, async name => {
    const shape = shapes.get(name)!;
    const middle = /norm.*weight/i.test(name) ? 1 : 0;
    return ndarray(
      Float32Array.from({ length: sizeOf(shape) }, () => middle + 0.4 * (draws.uniform() - 0.5)),
      shape,
    );
  });
  return materialize({ topology, weights });
}
