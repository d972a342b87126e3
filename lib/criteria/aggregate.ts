/** One score for a unit that several layers make. */
import { checkKeyword } from '../core/check';
import { membersAt, type Group } from '../graph/group';
import type { Site } from '../graph/ledger';

const keywords = ['sum', 'mean', 'max', 'prod'] as const;

/** How the scores of a unit at its sites become one: a keyword, or a function of them all. */
export type Aggregate = (typeof keywords)[number] | ((scores: readonly number[]) => number);

export function checkAggregate(place: string, aggregate: Aggregate): void {
  if (typeof aggregate !== 'function') checkKeyword(place, 'aggregate', aggregate, keywords);
}

/** `scoreAt` gives a score for each position of a site; a unit with several positions there has several scores. */
export function aggregated(
  group: Group,
  sites: readonly Site[],
  scoreAt: (site: Site) => ArrayLike<number>,
  aggregate: Aggregate,
): Float64Array {
  const found = group.units.map((): number[] => []);
  for (const site of sites) {
    const scores = scoreAt(site);
    membersAt(group, site).forEach((member, position) => {
      if (member >= 0) found[member].push(scores[position]);
    });
  }
  return Float64Array.from(found, scores => combine(scores, aggregate));
}

/** One number for the scores of a unit. */
export function combine(scores: readonly number[], aggregate: Aggregate): number {
  if (typeof aggregate === 'function') return aggregate(scores);
  if (aggregate === 'max') return Math.max(...scores);
  if (aggregate === 'prod') return scores.reduce((product, score) => product * score, 1);
  const sum = scores.reduce((total, score) => total + score, 0);
  return aggregate === 'mean' ? sum / scores.length : sum;
}
