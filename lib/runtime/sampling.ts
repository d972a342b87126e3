/** Which examples training sees, and in which order: drawn by the seed. */
import type { Split } from '../core/context';
import { random } from '../core/random';
import type { Loss } from './loss';
import { classesOf } from './targets';

/**
 * Indices of a `fraction` of the examples, ascending. Where each example is of a class, every class gives its share, at
 * least one example.
 */
export function subset(split: Split, loss: Loss, fraction: number, seed: number): Int32Array {
  const count = split.inputs[0].shape[0];
  if (fraction === 1) return Int32Array.from({ length: count }, (_, i) => i);
  const strata = new Map<number, number[]>();
  const classes = classesOf(split, loss);
  const order = random(seed, 'fit', 'subset').permutation(count);
  for (const index of order) {
    const stratum = classes?.[index] ?? 0;
    const members = strata.get(stratum);
    if (members) members.push(index);
    else strata.set(stratum, [index]);
  }
  const drawn = [...strata.values()].flatMap(members => {
    return members.slice(0, Math.max(1, Math.round(fraction * members.length)));
  });
  return Int32Array.from(drawn).sort();
}

/** Number of batches of an epoch, see {@link epochBatches}. */
export function stepsPerEpoch(count: number, batchSize: number): number {
  const steps = Math.ceil(count / batchSize);
  return joinsLast(count, batchSize) ? steps - 1 : steps;
}

/**
 * `indices` shuffled for `epoch` and cut into batches. The last may be smaller; a last one of a single example joins the
 * one before, because a BatchNormalization has no variance to take from it.
 */
export function epochBatches(indices: Int32Array, batchSize: number, seed: number, epoch: number): Int32Array[] {
  const shuffled = random(seed, 'fit', 'epoch', epoch)
    .permutation(indices.length)
    .map(position => indices[position]);
  const steps = stepsPerEpoch(indices.length, batchSize);
  return Array.from({ length: steps }, (_, step) => {
    return shuffled.subarray(step * batchSize, step === steps - 1 ? undefined : (step + 1) * batchSize);
  });
}

function joinsLast(count: number, batchSize: number): boolean {
  return batchSize > 1 && count > batchSize && count % batchSize === 1;
}
