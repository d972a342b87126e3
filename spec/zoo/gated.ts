/** A model with a factor hung on what is read of one unit. */
import * as tf from '@tensorflow/tfjs-core';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { GroupGate } from '../../lib/graph/gates';
import { layersOf, wrapCall } from '../../lib/runtime/leaves';
import { materialize } from '../../lib/runtime/materialize';

/** Every output of `checkpoint` for `probes` where `gates` multiply member `unit` of their group by `factor`. */
export function gatedPredictions(
  checkpoint: Checkpoint,
  probes: readonly tf.Tensor[],
  gates: readonly GroupGate[],
  unit: number,
  factor: number,
): Float32Array[] {
  const model = materialize(checkpoint);
  const layers = new Map(layersOf(model).map(({ path, layer }) => [path, layer]));
  for (const { layer, input, axis, members } of gates) {
    const factors = Array.from(members, member => (member === unit ? factor : 1));
    wrapCall(layers.get(layer)!, call => (given, kwargs) => {
      const inputs = [given].flat();
      const turned = inputs.map((x, i) => {
        if (i !== input || x.rank <= axis) return x;
        return tf.mul(x, tf.tensor(factors, x.shape.map((_, a) => (a === axis ? factors.length : 1)))); // prettier-ignore
      });
      return call(Array.isArray(given) ? turned : turned[0], kwargs);
    });
  }
  try {
    return tf.tidy(() => [model.predict([...probes])].flat().map(output => Float32Array.from(output.dataSync())));
  } finally {
    model.dispose();
  }
}
