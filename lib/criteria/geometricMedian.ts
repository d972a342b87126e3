/** How far a unit is from the others of its group: what lies in the middle of them is the easiest to do without. */
import { sizeOf } from '../core/array';
import { checkKeyword } from '../core/check';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import { membersAt, type Group } from '../graph/group';
import type { Site } from '../graph/ledger';
import { scoreEach, type Criterion } from './criterion';
import { kernelsOf } from './magnitude';
import { checkNormalize, normalized, type Normalize } from './normalize';

const keywords = ['l2', 'l1', 'cosine'] as const;

export interface GeometricMedianOptions {
  /** Between two units; cosine: 1 minus the cosine of the angle. Default: l2. */
  readonly distance?: (typeof keywords)[number];
  /** Default: by the group's mean, so that groups of different fan-in can be ranked together. */
  readonly normalize?: Normalize;
}

/**
 * Sum of the distances from the kernel slices that make the unit to those of every other unit of the group: small for what the others
 * can stand in for, whatever its size. Biases do not count. Time grows with the square of the units.
 * Paper: 1811.00250, section "Filter Pruning via Geometric Median" (the relaxed form: the smallest sum of distances).
 * Differs: units whose slices are all zero count for nobody and score 0, below all others, where the paper would find them near each
 * other; a unit that several layers make, which the paper leaves whole, is the point of all its slices together.
 */
export function geometricMedian({ distance = 'l2', normalize = 'mean' }: GeometricMedianOptions = {}): Criterion {
  checkKeyword('geometricMedian', 'distance', distance, keywords);
  checkNormalize('geometricMedian', normalize);
  return {
    name: distance === 'l2' ? 'geometricMedian' : `geometricMedian(${distance})`,
    paper: 'He 2019, 1811.00250',
    needs: [],
    settings: { distance, normalize },
    covers: group => kernelsOf(group).length > 0,
    score: scoreEach((group, model) => {
      const points = pointsOf(group, model);
      const live = [...points.keys()].filter(unit => points[unit].some(value => value !== 0));
      const sums = distanceSums(
        live.map(unit => (distance === 'cosine' ? direction(points[unit]) : points[unit])),
        distance,
      );
      // What is not alive must not change how the others compare with other groups.
      const among = { ...group, units: live.map(unit => group.units[unit]) };
      const { values } = normalized({ values: sums }, normalize, among);
      const scores = new Float64Array(points.length);
      live.forEach((unit, i) => (scores[unit] = values[i]));
      return scores;
    }),
  };
}

/** For each unit its slices in all kernels that make it, one after the other. */
function pointsOf(group: Group, model: Checkpoint): readonly Float64Array[] {
  const places = kernelsOf(group).map(site => placesOf(group, site, model));
  const length = places.reduce((sum, { slice, most }) => sum + slice * most, 0);
  const points = group.units.map(() => new Float64Array(length));
  let start = 0;
  for (const { site, members, slice, most } of places) {
    const { shape, data } = weightsOf(model, site.layer)[site.weight];
    const inner = sizeOf(shape.slice(site.axis + 1));
    const used = new Int32Array(points.length);
    members.forEach((member, position) => {
      if (member < 0) return;
      let to = start + slice * used[member]++;
      for (let from = position * inner; from < data.length; from += members.length * inner) {
        for (let i = 0; i < inner; i++) points[member][to++] = data[from + i];
      }
    });
    start += slice * most;
  }
  return points;
}

/** How much room a unit takes at `site`: at most `most` slices of `slice` numbers. */
function placesOf(group: Group, site: Site, model: Checkpoint) {
  const members = membersAt(group, site);
  const counts = new Int32Array(group.units.length);
  for (const member of members) if (member >= 0) counts[member]++;
  const slice = weightsOf(model, site.layer)[site.weight].data.length / members.length;
  return { site, members, slice, most: counts.reduce((a, b) => Math.max(a, b), 0) };
}

function direction(point: Float64Array): Float64Array {
  const length = Math.sqrt(point.reduce((sum, value) => sum + value * value, 0));
  return point.map(value => value / length);
}

/**
 * For each point the sum of its distances to the others; 1 for all where they all coincide, as no one is nearer. From
 * differences: as quick here as from a Gram matrix, and exact for points that nearly coincide.
 */
function distanceSums(points: readonly Float64Array[], distance: (typeof keywords)[number]): Float64Array {
  const sums = new Float64Array(points.length);
  const between = distance === 'l1' ? manhattan : squares;
  const four = new Float64Array(4);
  for (let i = 1; i < points.length; i++) {
    for (let j = 0; j < i; j += 4) {
      between(points[i], points, j, i - 1, four);
      for (let k = 0; k < 4 && j + k < i; k++) {
        // the square between two directions is twice 1 minus their cosine
        const apart = distance === 'l2' ? Math.sqrt(four[k]) : distance === 'cosine' ? four[k] / 2 : four[k];
        sums[i] += apart;
        sums[j + k] += apart;
      }
    }
  }
  return sums.every(sum => sum === 0) ? sums.fill(1) : sums;
}

/**
 * Squares of the distances from `point` to four from `first` on, none after `last`: so that its numbers are read a fourth as often. Not one
 * loop with the next, which with a power to choose inside takes eight times as long.
 */
function squares(point: Float64Array, all: readonly Float64Array[], first: number, last: number, out: Float64Array) {
  const [a, b, c, d] = [0, 1, 2, 3].map(k => all[Math.min(first + k, last)]);
  let p = 0;
  let q = 0;
  let r = 0;
  let s = 0;
  for (let i = 0; i < point.length; i++) {
    const value = point[i];
    const w = value - a[i];
    const x = value - b[i];
    const y = value - c[i];
    const z = value - d[i];
    p += w * w;
    q += x * x;
    r += y * y;
    s += z * z;
  }
  out.set([p, q, r, s]);
}

function manhattan(point: Float64Array, all: readonly Float64Array[], first: number, last: number, out: Float64Array) {
  const [a, b, c, d] = [0, 1, 2, 3].map(k => all[Math.min(first + k, last)]);
  let p = 0;
  let q = 0;
  let r = 0;
  let s = 0;
  for (let i = 0; i < point.length; i++) {
    const value = point[i];
    p += Math.abs(value - a[i]);
    q += Math.abs(value - b[i]);
    r += Math.abs(value - c[i]);
    s += Math.abs(value - d[i]);
  }
  out.set([p, q, r, s]);
}
