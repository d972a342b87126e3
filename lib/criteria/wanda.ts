/** Weights by what they are multiplied with. */
import type { NdArray } from '../core/array';
import { keyOf, type GroupGate } from '../graph/gates';
import { checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { checkNormalize, normalized, type Normalize } from './normalize';
import { isRead, powerSums } from './readings';
import { scoreReads, type WeightedRead } from './weightedReads';

export interface WandaOptions extends CalibrationOptions {
  /** Default: by the group's mean, so that groups of different fan-out can be ranked together. */
  readonly normalize?: Normalize;
}

/**
 * Sum over every weight that reads the unit of its size times the norm of what it is multiplied with: |W| ||X||, where ||X|| is the root of the mean over
 * examples of the sum of squares over places. The standard error is that of the scores of the batches.
 * Covers groups that weights read, from inputs of layers only: not the units of an RNN. What is read without a weight (by a norm, in a product) does
 * not count.
 * Paper: 2306.11695, equation 1; summed over the slices of a unit as Wanda-sp in 2312.11983.
 * Differs: the layers are measured in one pass over the unpruned model, not one after the other; a convolution's channel has one norm, whatever the place
 * in the window; the pointwise kernel of a separable convolution counts with what the layer is given.
 */
export function wanda({ normalize = 'mean', ...options }: WandaOptions = {}): Criterion<'data'> {
  checkNormalize('wanda', normalize);
  checkCalibration('wanda', options);
  return {
    name: 'wanda',
    paper: 'Sun 2023, 2306.11695',
    needs: ['data'],
    settings: { normalize, ...options },
    covers: isRead,
    async score(groups, model, context) {
      const how = { name: 'wanda', power: 1, measure: squares, sums: meanSquares, score: weighted } as const;
      const scores = await scoreReads(how, groups, model, context, options);
      return scores.map((each, i) => normalized(each, normalize, groups[i]));
    },
  };
}

function squares(array: NdArray, axis: number): Float64Array {
  return powerSums(array, axis, 2);
}

/** For each position of a gate the mean over examples of the squares of all that is read there. */
function meanSquares() {
  const sums = new Map<string, { readonly squares: Float64Array; examples: number }>();
  return {
    add(gate: GroupGate, calls: readonly Float64Array[]): void {
      const [key, positions] = [keyOf(gate), gate.members.length];
      const sum = sums.get(key) ?? { squares: new Float64Array(positions), examples: 0 };
      for (const rows of calls) rows.forEach((value, i) => (sum.squares[i % positions] += value));
      sum.examples += calls[0].length / positions;
      sums.set(key, sum);
    },
    at(gate: GroupGate): Float64Array {
      const { squares, examples } = sums.get(keyOf(gate))!;
      return squares.map(square => square / examples);
    },
  };
}

function weighted(units: number, reads: readonly WeightedRead[], means: ReturnType<typeof meanSquares>): Float64Array {
  const scores = new Float64Array(units);
  for (const { gate, sizes } of reads) {
    const squares = means.at(gate);
    gate.members.forEach((member, position) => {
      if (member >= 0) scores[member] += sizes[position] * Math.sqrt(squares[position]);
    });
  }
  return scores;
}
