/** Scores of groups made comparable. */
import { checkKeyword } from '../core/check';
import type { Group } from '../graph/group';
import type { Scores } from './criterion';

const keywords = ['none', 'mean', 'max', 'l2', 'lamp'] as const;

/**
 * none: as they are. mean, max, l2: divided by the group's mean, largest, or root of the sum of squares. lamp: the square of each over the sum of the
 * squares of those that are not smaller (Lee et al. 2021, 2010.07611, equation 4). Or a function from a group's scores to others.
 */
export type Normalize = (typeof keywords)[number] | ((scores: Float64Array, group: Group) => Float64Array);

export function checkNormalize(place: string, normalize: Normalize): void {
  if (typeof normalize !== 'function') checkKeyword(place, 'normalize', normalize, keywords);
}

/** The standard error follows where scores are divided by one number, and is lost otherwise. */
export function normalized({ values, standardError }: Scores, normalize: Normalize, group: Group): Scores {
  if (typeof normalize === 'function') return { values: normalize(values, group) };
  if (normalize === 'lamp') return { values: lamp(values) };
  const divisor = divisorOf(values, normalize);
  if (!(divisor > 0)) return { values, standardError };
  return { values: values.map(v => v / divisor), standardError: standardError?.map(e => e / divisor) };
}

function divisorOf(values: Float64Array, normalize: 'none' | 'mean' | 'max' | 'l2'): number {
  if (normalize === 'none') return 1;
  if (normalize === 'max') return values.reduce((most, v) => Math.max(most, v), 0);
  const sum = values.reduce((total, v) => total + (normalize === 'l2' ? v * v : v), 0);
  return normalize === 'l2' ? Math.sqrt(sum) : sum / values.length;
}

function lamp(values: Float64Array): Float64Array {
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]);
  const scores = new Float64Array(values.length);
  let sum = 0;
  for (let i = 0, from = 0; i < order.length; i++) {
    sum += values[order[i]] ** 2;
    if (values[order[i]] === values[order[i + 1]]) continue; // equals share their denominator
    for (; from <= i; from++) scores[order[from]] = sum > 0 ? values[order[from]] ** 2 / sum : 0;
  }
  return scores;
}
