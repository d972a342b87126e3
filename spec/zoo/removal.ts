/** Legal removals at random, and what a checkpoint predicts. */
import * as tf from '@tensorflow/tfjs-core';
import type { TypedArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { random } from '../../lib/core/random';
import type { Group } from '../../lib/graph/group';
import type { Unit } from '../../lib/rules/rule';
import { materialize } from '../../lib/runtime/materialize';

/** About half the units of most groups that are not frozen; each group keeps at least one. */
export function randomRemoval(groups: readonly Group[], seed: number): Set<Unit> {
  const { uniform, integer } = random(seed, 'removal');
  const removed = new Set<Unit>();
  for (const { units, frozen } of groups) {
    const [touched, stays] = [uniform() < 0.8, integer(units.length)];
    if (frozen !== undefined || !touched) continue;
    units.forEach((unit, i) => {
      if (i !== stays && uniform() < 0.6) removed.add(unit);
    });
  }
  return removed;
}

/** Every output of the model of `checkpoint` for `probes`, as plain arrays. */
export function predictionsOf(checkpoint: Checkpoint, probes: readonly tf.Tensor[]): TypedArray[] {
  const model = materialize(checkpoint);
  try {
    return tf.tidy(() => [model.predict([...probes])].flat().map(output => output.dataSync().slice() as TypedArray));
  } finally {
    model.dispose();
  }
}
