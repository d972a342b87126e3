/** First-order estimates of what the loss does when a unit goes. */
import { checkKeyword } from '../core/check';
import type { Group } from '../graph/group';
import type { Site } from '../graph/ledger';
import { trace } from '../graph/trace';
import type { Unit } from '../rules/rule';
import { checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { averagedGateSums, canGate } from './gateSums';
import { checkNormalize, normalized, type Normalize } from './normalize';
import { averagedWeightSums } from './weightSums';

const keywords = ['gates', 'weights', 'activations'] as const;

export interface TaylorOptions extends CalibrationOptions {
  /**
   * gates (default): the square of the slope of a batch's loss as the unit is turned down. weights: the squares of weight times gradient, summed over the
   * kernel slices that make the unit. activations: the size of each example's slope, averaged over the places of the unit.
   */
  readonly on?: (typeof keywords)[number];
  /** Default: none; for activations l2. */
  readonly normalize?: Normalize;
}

/**
 * How much the loss changes to first order without the unit, from gradients in inference mode, averaged over batches (activations: over examples).
 *
 * gates: (sum of w dL/dw over every weight that reads the unit)^2 for a batch: the gradient by one gate on all reads of the unit, which in front of
 * ReLUs equals (gamma dgamma + beta dbeta)^2 of its BatchNormalization. Coupled layers are summed before squaring. It covers every group; where a
 * unit is read without a weight, a mask zeroes its makers too, and they are in the sum.
 * weights: only groups made by a kernel. activations: only groups whose reads can all be gated (not the units of an RNN); what reads a unit without a
 * weight (a norm, a product) has a gate as well. Of the heads of a transformer they are the importance of Michel et al. 2019, 1905.10650, section 4.1, with
 * its normalization layer by layer.
 * A last, smaller batch counts as much as any other. The standard error is that over batches (activations: examples).
 * Paper: 1906.10771, method 22 (gates) and method 0 (weights); 1611.06440, equation 8 (activations).
 * Differs: moving statistics, so that examples do not mix; no momentum over the steps of pruning; places are counted where the unit is read.
 * @throws PruneError `bad-option`; when run, `bad-model` for layers without a gradient, `aborted`.
 */
export function taylor({
  on = 'gates',
  normalize = on === 'activations' ? 'l2' : 'none',
  ...options
}: TaylorOptions = {}): Criterion<'gradients'> {
  checkKeyword('taylor', 'on', on, keywords);
  checkNormalize('taylor', normalize);
  checkCalibration('taylor', options);
  const { covers, score } = ROUTES[on];
  const name = on === 'gates' ? 'taylor' : `taylor ${on}`;
  return {
    name,
    paper: on === 'activations' ? 'Molchanov 2017, 1611.06440' : 'Molchanov 2019, 1906.10771',
    needs: ['gradients'],
    settings: { on, normalize, ...options },
    covers,
    async score(groups, model, context) {
      const scores = await score(name, groups, model, context, options);
      return scores.map((each, i) => normalized(each, normalize, groups[i]));
    },
  };
}

type Route = Pick<Criterion<'gradients'>, 'covers'> & {
  readonly score: (
    name: string,
    ...rest: [...Parameters<Criterion<'gradients'>['score']>, CalibrationOptions]
  ) => ReturnType<Criterion<'gradients'>['score']>;
};

const ROUTES: Readonly<Record<(typeof keywords)[number], Route>> = {
  gates: {
    score: (name, groups, model, context, options) => {
      const { bare } = trace(model);
      const sites = (group: Group): readonly Site[] => maskedSites(group, bare);
      return averagedWeightSums(name, groups, model, context, { ...options, power: 1 }, sites, square);
    },
  },
  weights: {
    covers: group => kernelsOf(group).length > 0,
    score: (name, groups, model, context, options) =>
      averagedWeightSums(name, groups, model, context, { ...options, power: 2 }, kernelsOf, sum => sum),
  },
  activations: {
    covers: canGate,
    score: (name, groups, model, context, options) =>
      averagedGateSums(name, groups, model, context, { ...options, overPlaces: true }, Math.abs),
  },
};

/** Where a mask zeroes weights to switch units of `group` off. */
function maskedSites({ sites, units }: Group, bare: ReadonlySet<Unit>): readonly Site[] {
  return units.some(unit => bare.has(unit)) ? sites : sites.filter(({ role }) => role === 'reads');
}

function kernelsOf({ sites }: Group): readonly Site[] {
  return sites.filter(({ role, parameter }) => role === 'makes' && parameter === 'kernel');
}

function square(value: number): number {
  return value * value;
}
