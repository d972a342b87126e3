/** Weights by what they are multiplied with. */
import type { GroupGate } from '../graph/gates';
import { trace } from '../graph/trace';
import { averaged, checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { checkNormalize, normalized, type Normalize } from './normalize';
import { isRead, observeGates, powerSums, type Measure } from './readings';
import { weightedReads, type WeightedRead } from './weightedReads';

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
      const traced = trace(model);
      const reads = groups.map(group => weightedReads(group, traced, model, 1));
      const gates = reads.map(all => all.map(({ gate }) => gate));
      const whole = meanSquares();
      const squares: Measure = (array, axis) => powerSums(array, axis, 2);
      const batches = await averaged('wanda', groups, options, context, see =>
        observeGates(gates, model, context, options, squares, measured => {
          const batch = meanSquares();
          for (const [key, gate] of new Map(gates.flat().map(each => [keyOf(each), each]))) {
            for (const means of [batch, whole]) means.add(key, gate.members.length, measured(gate));
          }
          return see(groups.map(({ units }, i) => [weighted(units.length, reads[i], batch)]));
        }),
      );
      return groups.map((group, i) => {
        const values = weighted(group.units.length, reads[i], whole);
        return normalized({ ...batches[i], values }, normalize, group);
      });
    },
  };
}

function keyOf({ layer, input }: GroupGate): string {
  return `${layer}:${input}`;
}

/** For each position of a gate the mean over examples of the squares of all that is read there; a shared layer reads at every call. */
function meanSquares() {
  const sums = new Map<string, { readonly squares: Float64Array; examples: number }>();
  return {
    add(key: string, positions: number, calls: readonly Float64Array[]): void {
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
