/** How much a unit is active on data. */
import { sizeOf } from '../core/array';
import { checkKeyword } from '../core/check';
import { readsOf } from '../graph/gates';
import { trace } from '../graph/trace';
import { checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { checkNormalize, normalized, type Normalize } from './normalize';
import { averagedReadings, isRead, powerSums, type Measure } from './readings';

const keywords = ['mean', 'apoz'] as const;

export interface ActivationOptions extends CalibrationOptions {
  /** mean: of |activation|. apoz: 1 minus the average percentage of zeros, that is the fraction that is not zero. Default: mean. */
  readonly statistic?: (typeof keywords)[number];
  /** Default: mean, that is by the group's mean; none for apoz, whose fractions compare as they are. */
  readonly normalize?: Normalize;
}

/**
 * How much the layers that read a unit are given of it: averaged over places, over readers and over the examples, to which the standard error belongs.
 * The size of a batch changes nothing but time and memory: a whole batch of what all readers are given is held at once.
 * Covers groups that weights read, from inputs of layers only: not the units of an RNN. What is read without a weight (by a norm, in a product) does
 * not count: dimensions of a stream are looked at behind its norms.
 * Paper: 1607.03250, equation 1 (apoz).
 * Differs: the paper counts where a layer gives its output, we where it is read: behind pooling and normalization.
 */
export function activation({
  statistic = 'mean',
  normalize = statistic === 'mean' ? 'mean' : 'none',
  ...options
}: ActivationOptions = {}): Criterion<'data'> {
  checkKeyword('activation', 'statistic', statistic, keywords);
  checkNormalize('activation', normalize);
  checkCalibration('activation', options);
  const name = statistic === 'mean' ? 'activation' : 'apoz';
  return {
    name,
    ...(statistic === 'apoz' && { paper: 'Hu 2016, 1607.03250' }),
    needs: ['data'],
    settings: { statistic, normalize, ...options },
    covers: isRead,
    async score(groups, model, context) {
      const traced = trace(model);
      const gates = groups.map(group => readsOf(traced, group) ?? []);
      const measure = meanOf(statistic === 'mean' ? 1 : 0);
      const scores = await averagedReadings(name, groups, gates, model, context, options, measure);
      return scores.map((each, i) => normalized(each, normalize, groups[i]));
    },
  };
}

function meanOf(power: 0 | 1): Measure {
  return (array, axis) => {
    const places = sizeOf(array.shape.slice(1)) / array.shape[axis];
    return powerSums(array, axis, power).map(sum => sum / places);
  };
}
