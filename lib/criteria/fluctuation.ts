/** How much of what a unit gives is not its mean, which a bias can stand in for. */
import { around, type NdArray } from '../core/array';
import { PruneError } from '../core/errors';
import { keyOf, type GroupGate } from '../graph/gates';
import { checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { positionsOf } from './members';
import { isRead } from './readings';
import { running, type Running } from './running';
import { scoreReads, type WeightedRead } from './weightedReads';

/**
 * Var(x) ||W||^2 of each position that a layer reads, x being what it is given there in all places of all examples, W the weights that
 * read it; squared where a unit has several positions (a head); standardised over the positions of the group, so that groups compare:
 * less their mean, over their standard deviation; then averaged over the positions of a unit, and over readers. What is removed by it loses
 * least where its mean moves into a bias: `flap`, or `repair` of kind `mean`. The scores of a group are 0 in the mean: not for `per` of
 * `global`, but for its `of`. The standard error is that of the scores of the batches.
 * Covers groups that weights read and nothing else, from inputs of layers only: not the units of an RNN, nor the dimensions of a stream.
 * Paper: An et al. 2023, FLAP, 2312.11983 (its metric WIFV, its structure AL-AM).
 * Differs: the square of heads is in the authors' code only; the variance is exact (there the first example counts for nothing);
 * a group stands for a layer; a convolution's channel has one variance, whatever the place in the window.
 * @throws PruneError `bad-option`, also when run on a single place; `aborted`.
 */
export function fluctuation(options: CalibrationOptions = {}): Criterion<'data'> {
  checkCalibration('fluctuation', options);
  return {
    name: 'fluctuation',
    paper: 'An 2023, 2312.11983',
    needs: ['data'],
    settings: options,
    covers: (group, traced) => isRead(group, traced) && !group.units.some(unit => traced.bare.has(unit)),
    score: (groups, model, context) =>
      scoreReads({ name: 'fluctuation', power: 2, measure, sums: variances, score }, groups, model, context, options),
  };
}

interface Given {
  readonly array: NdArray;
  readonly axis: number;
}

function measure(array: NdArray, axis: number): Given {
  return { array, axis };
}

/** Of each position of a gate over all that is given there. */
function variances() {
  const known = new Map<string, Running>();
  return {
    add(gate: GroupGate, calls: readonly Given[]): void {
      const own = known.get(keyOf(gate)) ?? running(gate.members.length);
      known.set(keyOf(gate), own);
      for (const call of calls) eachPlace(call, own.add);
    },
    /** Undefined for a single place. */
    at: (gate: GroupGate): Float64Array | undefined => known.get(keyOf(gate))!.variances(),
  };
}

/** Shows `see` what is there at each place, position by position; the row is used again. */
function eachPlace({ array: { shape, data }, axis }: Given, see: (row: Float64Array) => void): void {
  const { outer, length, inner } = around(shape, axis);
  const row = new Float64Array(length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let p = 0; p < row.length; p++) row[p] = data[(o * row.length + p) * inner + i];
      see(row);
    }
  }
}

function score(
  units: number,
  reads: readonly WeightedRead[],
  { at }: ReturnType<typeof variances>,
  isWhole: boolean,
): Float64Array {
  const scores = new Float64Array(units);
  for (const { gate, sizes } of reads) {
    const { members } = gate;
    const own = [...members.keys()].filter(position => members[position] >= 0);
    const variance = at(gate) ?? (isWhole ? onePlace() : new Float64Array(members.length));
    const power = own.length > units ? 2 : 1;
    const standard = standardised(own.map(position => (variance[position] * sizes[position]) ** power));
    const counts = positionsOf(members, units);
    own.forEach((position, i) => (scores[members[position]] += standard[i] / counts[members[position]] / reads.length));
  }
  return scores;
}

/** All 0 where they do not differ. */
function standardised(values: readonly number[]): Float64Array {
  const all = running(1);
  for (const value of values) all.add([value]);
  const [mean, deviation] = [all.scores().values[0], Math.sqrt(all.variances()?.[0] ?? 0)];
  return Float64Array.from(values, value => (deviation === 0 ? 0 : (value - mean) / deviation));
}

function onePlace(): never {
  throw new PruneError('bad-option', {
    place: 'fluctuation',
    expected: 'at least two places in the examples looked at, to see what varies',
    got: '1',
    cure: 'Give more examples, or raise batches and batchSize.',
  });
}
