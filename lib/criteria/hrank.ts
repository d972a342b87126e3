/** How much a channel's maps hold: their rank. */
import type { NdArray } from '../core/array';
import { rank } from '../core/linalg';
import { readsOf, type GroupGate } from '../graph/gates';
import type { Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { checkNormalize, normalized, type Normalize } from './normalize';
import { averagedReadings } from './readings';

export interface HrankOptions extends CalibrationOptions {
  /** Default: by the group's mean, so that maps of different sizes can be ranked together. */
  readonly normalize?: Normalize;
}

/**
 * Rank of the maps of a channel as the layers that read it are given them, averaged over readers and over the examples, to which the standard error
 * belongs. Every map of every example is eliminated, in time that grows with the cube of its sides; the paper looks at 500 examples, 8 batches of 64.
 * Covers groups that are read as maps with both sides longer than 1 by at least one layer; what reads them flattened or pooled away counts for nothing.
 * Paper: 2002.10179, the average rank of feature maps.
 * Differs: the paper takes singular values, we pivots of an elimination, of which those count that are larger than the longer side times 2^-23 of the
 * largest number; and it looks at the outputs of activations, we at what is read.
 */
export function hrank({ normalize = 'mean', ...options }: HrankOptions = {}): Criterion<'data'> {
  checkNormalize('hrank', normalize);
  checkCalibration('hrank', options);
  return {
    name: 'hrank',
    paper: 'Lin 2020, 2002.10179',
    needs: ['data'],
    settings: { normalize, ...options },
    covers: (group, traced) => mapGates(group, traced).length > 0,
    async score(groups, model, context) {
      const traced = trace(model);
      const gates = groups.map(group => mapGates(group, traced));
      const scores = await averagedReadings('hrank', groups, gates, model, context, options, ranks);
      return scores.map((each, i) => normalized(each, normalize, groups[i]));
    },
  };
}

/** None where a read of the units cannot be seen at all. */
function mapGates(group: Group, traced: Trace): readonly GroupGate[] {
  return (readsOf(traced, group) ?? []).filter(
    ({ shape, axis }) => shape.length === 4 && shape.every((size, a) => a === 0 || a === axis || size !== 1),
  );
}

/** What is less than this beside the largest number is rounding: values are of single precision. */
const PRECISION = 2 ** -23;

function ranks({ shape, data }: NdArray, axis: number): Float64Array {
  const [row, column] = [1, 2, 3].filter(a => a !== axis);
  const steps = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1];
  const [rows, columns] = [shape[row], shape[column]];
  const map = new Float64Array(rows * columns);
  return Float64Array.from({ length: shape[0] * shape[axis] }, (_, i) => {
    const start = Math.floor(i / shape[axis]) * steps[0] + (i % shape[axis]) * steps[axis];
    for (let r = 0, to = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) map[to++] = data[start + r * steps[row] + c * steps[column]];
    }
    return map.some(Number.isNaN) ? NaN : rank(map, rows, columns, Math.max(rows, columns) * PRECISION);
  });
}
