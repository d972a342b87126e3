/** What the layers of a transformer hand on. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NdArray } from '../core/array';
import { PruneError } from '../core/errors';
import { layersOf, unwrapCall, wrapCall, type Leaf } from './leaves';
import { forward } from './predict';
import { fromTensor, readTensorLike, toTensor, type TensorLike } from './tensors';

/** Of layers that `loadLlama`, `loadBert` and `loadVit` make. */
const LAYER_NAME = /^layers_(\d+)_/;
const EMBEDDINGS = ['embeddings_norm', 'position_embeddings', 'embed_tokens'];
const LAST_NORM = 'norm';

/**
 * The stream of a Llama, BERT or ViT of this library for one batch: the embeddings, then what each layer hands on, and then, where
 * there is a norm behind the last layer, what comes out of that. Each is `[batch, time, width]`.
 * @throws PruneError `bad-model` for a model whose layers have other names, `bad-data` for inputs that are no arrays.
 */
export async function hiddenStates(
  model: LayersModel,
  inputs: TensorLike | readonly TensorLike[],
): Promise<readonly NdArray[]> {
  const watched = streamLayers(model);
  const arrays: NdArray[] = [];
  const list = Array.isArray(inputs) ? (inputs as readonly TensorLike[]) : [inputs as TensorLike];
  for (const input of list) arrays.push(await readTensorLike('hiddenStates', input));
  const seen = new Map<string, tf.Tensor>();
  try {
    tf.tidy(() => listen(watched, seen, () => void forward(model, arrays.map(toTensor))));
    return await Promise.all(watched.map(({ path }) => fromTensor(seen.get(path)!)));
  } finally {
    tf.dispose([...seen.values()]);
  }
}

/** Notes in `seen` what the first call of each of `watched` returns while `pass` runs; it outlives the pass. */
function listen(watched: readonly Leaf[], seen: Map<string, tf.Tensor>, pass: () => void): void {
  try {
    for (const { path, layer } of watched) {
      wrapCall(layer, call => (given, kwargs) => {
        const output = call(given, kwargs);
        if (!seen.has(path)) seen.set(path, tf.keep(tf.clone([output].flat()[0])));
        return output;
      });
    }
    pass();
  } finally {
    for (const { layer } of watched) unwrapCall(layer);
  }
}

function streamLayers(model: LayersModel): readonly Leaf[] {
  const leaves = layersOf(model);
  const ends = new Map<number, Leaf>();
  for (const leaf of leaves) {
    const number = LAYER_NAME.exec(leaf.path)?.[1];
    if (number !== undefined) ends.set(Number(number), leaf);
  }
  const embeddings = EMBEDDINGS.map(name => leaves.find(({ path }) => path === name)).find(Boolean);
  if (embeddings === undefined) throw strange(model);
  const streams = [...ends].sort(([a], [b]) => a - b).map(([, leaf]) => leaf);
  return [embeddings, ...streams, ...leaves.filter(({ path }) => path === LAST_NORM)];
}

function strange({ name }: LayersModel): PruneError {
  return new PruneError('bad-model', {
    place: `hiddenStates "${name}"`,
    expected: 'a model of loadLlama, loadBert or loadVit',
    got: 'one without their embeddings',
    cure: 'Observe the layers of other models by name.',
  });
}
