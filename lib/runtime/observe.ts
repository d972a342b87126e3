/** What layers are given while a model runs, batch by batch. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NdArray } from '../core/array';
import { checkNumber } from '../core/check';
import { madeBy, type Observed, type ObserveOptions, type See, type Split, type Watched } from '../core/context';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { layersOf, wrapCall, type AnyLayer } from './leaves';
import { withModels } from './materialize';
import { pause } from './pause';
import { batches, forward } from './predict';
import { batchOf, fromTensor } from './tensors';

/**
 * Runs every model of `watched` on the same batches of `train`, drawn by the seed, as in a prediction, and shows `see` what
 * their layers were given, and gave. Nothing outlives its batch, so that memory does not grow with the data.
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
  const order = observeOrder(seed, count);
  const breathe = pause('observe', signal);
  await withModels(
    watched.map(({ model }) => model),
    async models => {
      const watchers = models.map((model, i) => watch(model, watched[i]));
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

/** The order in which examples are looked at. */
export function observeOrder(seed: number, count: number): Int32Array {
  return random(seed, 'observe').permutation(count);
}

/** Ends a forward pass of which the rest does not matter. */
const ENOUGH = new Error('all layers were seen');

/** Makes the layers tell what they are given; the result runs a forward pass, as far as it must, and reads it. */
function watch(
  model: LayersModel,
  { layers, makers = [] }: Omit<Watched, 'model'>,
): (run: () => void) => Promise<Observed> {
  let seen: { readonly at: string; readonly tensors: readonly tf.Tensor[] }[] = [];
  let expected = Infinity;
  const leaves = new Map(layersOf(model).map(({ path, layer }) => [path, layer]));
  const hear = (at: string, tensors: readonly tf.Tensor[]): void => {
    seen.push({ at, tensors: tensors.map(tensor => tf.keep(tf.clone(tensor))) });
    if (seen.length === expected) throw ENOUGH;
  };
  for (const path of new Set([...layers, ...makers])) {
    const layer = leaves.get(path) ?? unknownLayer(path, [...leaves.keys()]);
    if (layers.includes(path)) listen(layer, given => hear(path, given));
    if (makers.includes(path)) listen(layer, undefined, made => hear(madeBy(path), made));
  }
  return async run => {
    seen = [];
    try {
      tf.tidy(() => stopped(run));
      expected = seen.length;
      const observed = new Map<string, NdArray[][]>([...layers, ...makers.map(madeBy)].map(at => [at, []]));
      for (const { at, tensors } of seen) observed.get(at)!.push(await Promise.all(tensors.map(fromTensor)));
      return observed;
    } finally {
      for (const { tensors } of seen) tf.dispose([...tensors]);
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

type Hear = (tensors: readonly tf.Tensor[]) => void;

function listen(layer: AnyLayer, hearGiven?: Hear, hearMade?: Hear): void {
  wrapCall(layer, call => (inputs, kwargs) => {
    hearGiven?.([inputs].flat());
    const made = call(inputs, kwargs);
    hearMade?.([made].flat());
    return made;
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
