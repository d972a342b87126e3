/** Second-order estimate of what the loss does when a unit goes, from the gradient of each example. */
import { checkKeyword } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import { unitSavings } from '../edit/savings';
import { countingTrace, openSize } from '../graph/cost';
import type { Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { checkCalibration, type CalibrationOptions } from './calibration';
import type { Criterion } from './criterion';
import { averagedGateSums, canGate } from './gateSums';
import { checkNormalize, normalized, type Normalize } from './normalize';

export interface FisherOptions extends CalibrationOptions {
  /**
   * Divide by what the unit costs. macs: what an example saves if it alone goes. memory: how many values of an example carry it in the outputs of all
   * layers. Default: neither.
   */
  readonly per?: 'macs' | 'memory';
  /** Default: none. */
  readonly normalize?: Normalize;
}

/**
 * 1/(2N) sum over examples of (the slope of the example's own loss as the unit is turned down)^2: near a minimum, the rise of the mean loss without it.
 * The slope is summed over all reads of the unit, layers coupled to it included, before it is squared. The size of a batch changes nothing but time and
 * memory; the standard error is that over examples.
 * Covers groups whose reads can all be gated example by example: not the units of an RNN, whose state reads itself inside the layer. What reads a unit
 * without a weight (a norm, a product of two activations) has a gate as well.
 * Paper: 2108.00708, equations 3 and 4 (Theis 2018, 1801.05787, for one layer). Of heads and neurons of a transformer it is half the diagonal of the Fisher
 * information of their masks in Kwon et al. 2022, 2204.09656.
 * Differs: moving statistics, so that examples do not mix; a unit that costs no MACs counts as if it cost one; memory counts the outputs of all
 * layers, the paper those of convolutions.
 * @throws PruneError `bad-option`; when run, `bad-model` for layers without a gradient or with `per` for an open input size, `aborted`.
 */
export function fisher({ per, normalize = 'none', ...options }: FisherOptions = {}): Criterion<'gradients'> {
  if (per !== undefined) checkKeyword('fisher', 'per', per, ['macs', 'memory']);
  checkNormalize('fisher', normalize);
  checkCalibration('fisher', options);
  const name = per === undefined ? 'fisher' : `fisher per ${per}`;
  return {
    name,
    paper: 'Liu 2021, 2108.00708',
    needs: ['gradients'],
    settings: { per, normalize, ...options },
    covers: canGate,
    async score(groups, model, context) {
      const costs = per === undefined ? undefined : COSTS[per](groups, model, countingTrace(model, context.example));
      const half = (slope: number): number => (slope * slope) / 2;
      const scores = await averagedGateSums(name, groups, model, context, { ...options, overPlaces: false }, half);
      return scores.map(({ values, standardError }, group) => {
        const perCost = (value: number, unit: number): number => value / (costs?.[group][unit] ?? 1);
        const shared = { values: values.map(perCost), standardError: standardError?.map(perCost) };
        return normalized(shared, normalize, groups[group]);
      });
    },
  };
}

type Costs = (groups: readonly Group[], model: Checkpoint, traced: Trace) => readonly Float64Array[];

/** For each unit of each group, at least 1. */
const COSTS: Readonly<Record<'macs' | 'memory', Costs>> = {
  macs: (groups, model, traced) =>
    unitSavings(model, traced, groups).map(own =>
      Float64Array.from(own, ({ macs }) => Math.max(1, macs ?? openSize('fisher', 'leave out per'))),
    ),
  memory(groups, _model, { calls }) {
    const carried = new Map<number, number>();
    for (const { shape, axis, width } of new Set(calls.flatMap(({ outputs }) => outputs))) {
      const places = shape.reduce<number>((size, each, a) => (a === 0 || a === axis ? size : size * (each ?? NaN)), 1);
      for (const unit of width) carried.set(unit, (carried.get(unit) ?? 0) + places);
    }
    return groups.map(({ units }) =>
      Float64Array.from(units, unit => {
        const values = carried.get(unit) ?? 0;
        return Number.isNaN(values) ? openSize('fisher', 'leave out per') : Math.max(1, values);
      }),
    );
  },
};
