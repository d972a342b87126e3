/** How much a unit is active on data. */
import { sizeOf } from '../core/array';
import { checkKeyword } from '../core/check';
import { readsOf } from '../graph/gates';
import { trace } from '../graph/trace';
import { checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { checkNormalize, normalized, type Normalize } from './normalize';
import { averagedReadings, isRead, powerSums, type Measure } from './readings';

const keywords = ['mean', 'l2', 'apoz'] as const;

interface Statistic {
  readonly name: string;
  readonly paper?: string;
  /** What it takes the mean of: |activation| to this power. */
  readonly power: 0 | 1 | 2;
  /** What it makes of that mean. */
  readonly of?: (mean: number) => number;
}

const statistics: Readonly<Record<(typeof keywords)[number], Statistic>> = {
  mean: { name: 'activation', power: 1 },
  l2: { name: 'activation l2', paper: 'Sandri 2025, 2501.17771', power: 2, of: Math.sqrt },
  apoz: { name: 'apoz', paper: 'Hu 2016, 1607.03250', power: 0 },
};

export interface ActivationOptions extends CalibrationOptions {
  /**
   * mean: of |activation|. l2: of each example the root of the mean of squares. apoz: 1 minus the average percentage of zeros, that is the fraction
   * that is not zero. Default: mean.
   */
  readonly statistic?: (typeof keywords)[number];
  /** Default: mean, that is by the group's mean; none for apoz, whose fractions compare as they are. */
  readonly normalize?: Normalize;
}

/**
 * How much the layers that read a unit are given of it: averaged over places, over readers and over the examples, to which the standard error belongs.
 * The size of a batch changes nothing but time and memory: a whole batch of what all readers are given is held at once.
 * Covers groups that weights read, from inputs of layers only: not the units of an RNN. What is read without a weight (by a norm, in a product) does
 * not count: dimensions of a stream are looked at behind its norms.
 * Papers: 1607.03250, equation 1 (apoz); 2501.17771, the first stage (l2).
 * Differs: the paper of apoz counts where a layer gives its output, we where it is read: behind pooling and normalization; that of l2 takes sums
 * over the places of an example, which rank the units of a group alike.
 */
export function activation({
  statistic = 'mean',
  normalize = statistic === 'apoz' ? 'none' : 'mean',
  ...options
}: ActivationOptions = {}): Criterion<'data'> {
  checkKeyword('activation', 'statistic', statistic, keywords);
  checkNormalize('activation', normalize);
  checkCalibration('activation', options);
  const { name, paper, power, of } = statistics[statistic];
  return {
    name,
    ...(paper !== undefined && { paper }),
    needs: ['data'],
    settings: { statistic, normalize, ...options },
    covers: isRead,
    async score(groups, model, context) {
      const traced = trace(model);
      const gates = groups.map(group => readsOf(traced, group) ?? []);
      const scores = await averagedReadings(name, groups, gates, model, context, options, meanOf(power), of);
      return scores.map((each, i) => normalized(each, normalize, groups[i]));
    },
  };
}

function meanOf(power: 0 | 1 | 2): Measure {
  return (array, axis) => {
    const places = sizeOf(array.shape.slice(1)) / array.shape[axis];
    return powerSums(array, axis, power).map(sum => sum / places);
  };
}
