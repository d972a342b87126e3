/** What layers are given while a model runs, batch by batch. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NdArray } from '../core/array';
import { checkNumber } from '../core/check';
import type { Observed, ObserveOptions, See, Split, Watched } from '../core/context';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { layersOf, wrapCall, type AnyLayer } from './leaves';
import { withModels } from './materialize';
import { pause } from './pause';
import { batches, forward } from './predict';
import { batchOf, fromTensor } from './tensors';

/**
 * Runs every model of `watched` on the same batches of `train`, drawn by the seed, as in a prediction, and shows `see` what
 * their layers were given. Nothing outlives its batch, so that memory does not grow with the data.
 * @throws PruneError `bad-option` for a layer that a model does not have, `aborted`.
 */
export async function observe(
  watched: readonly Watched[],
  { inputs }: Split,
  see: See<readonly Observed[]>,
  { batches: most = 16, batchSize = 64 }: ObserveOptions = {},
  { seed, signal }: { readonly seed: number; readonly signal?: AbortSignal },
): Promise<void> {
  checkNumber('observe', 'batches', most, { least: 1, integer: true });
  checkNumber('observe', 'batchSize', batchSize, { least: 1, integer: true });
  const count = inputs[0].shape[0];
  const order = random(seed, 'observe').permutation(count);
  const breathe = pause('observe', signal);
  await withModels(
    watched.map(({ model }) => model),
    async models => {
      const watchers = models.map((model, i) => watch(model, watched[i].layers));
      for (const indices of batches(count, batchSize, order).slice(0, most)) {
        const seen: Observed[] = [];
        for (const [i, model] of models.entries()) {
          await breathe();
          seen.push(await watchers[i](() => void forward(model, batchOf(inputs, indices))));
        }
        if (await see(seen)) return;
      }
    },
  );
}

/** Ends a forward pass of which the rest does not matter. */
const ENOUGH = new Error('all layers were seen');

/** Makes the layers tell what they are given; the result runs a forward pass, as far as it must, and reads it. */
function watch(model: LayersModel, paths: readonly string[]): (run: () => void) => Promise<Observed> {
  let calls: { readonly path: string; readonly given: readonly tf.Tensor[] }[] = [];
  let expected = Infinity;
  const leaves = new Map(layersOf(model).map(({ path, layer }) => [path, layer]));
  for (const path of new Set(paths)) {
    const layer = leaves.get(path) ?? unknownLayer(path, [...leaves.keys()]);
    listen(layer, given => {
      calls.push({ path, given: given.map(tensor => tf.keep(tf.clone(tensor))) });
      if (calls.length === expected) throw ENOUGH;
    });
  }
  return async run => {
    calls = [];
    try {
      tf.tidy(() => stopped(run));
      expected = calls.length;
      const observed = new Map<string, NdArray[][]>(paths.map(path => [path, []]));
      for (const { path, given } of calls) observed.get(path)!.push(await Promise.all(given.map(fromTensor)));
      return observed;
    } finally {
      for (const { given } of calls) tf.dispose([...given]);
    }
  };
}

function stopped(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (error !== ENOUGH) throw error;
  }
}

function listen(layer: AnyLayer, hear: (given: readonly tf.Tensor[]) => void): void {
  wrapCall(layer, call => (inputs, kwargs) => {
    hear([inputs].flat());
    return call(inputs, kwargs);
  });
}

function unknownLayer(path: string, known: readonly string[]): never {
  throw new PruneError('bad-option', {
    place: 'observe',
    expected: `layers of the model, such as ${known.slice(0, 3).join(', ')}`,
    got: `"${path}"`,
    cure: 'Use the path that inspect prints.',
  });
}
