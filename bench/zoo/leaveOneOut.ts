/** What a criterion is for, measured: the loss without each unit, one at a time, and how criteria rank the units beside it. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { criteria } from '../../examples/support/criteria';
import { depthwiseNet, residualNet, vggNet } from '../../examples/support/nets';
import type { Images } from '../../examples/support/datasets';
import { taylor, type Criterion, type FisherOptions, type TaylorOptions } from '../../lib/criteria';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Need } from '../../lib/core/context';
import { spearman } from '../../lib/core/ranks';
import { mask } from '../../lib/edit/slice';
import { groupsOf, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { createContext } from '../../lib/runtime/context';
import type { Splits } from '../../lib/runtime/data';
import { evaluate } from '../../lib/runtime/evaluate';
import { fit } from '../../lib/runtime/fit';

/** Small nets for images of one channel and ten classes, every group of them open but the last layer's. */
export const SMALL_NETS: Readonly<Record<string, (side: number, seed: number) => LayersModel>> = {
  plain: (side, seed) => vggNet(side, [8, 16, 24], seed, side > 16 ? 2 : 1),
  residual: (side, seed) => residualNet(side, [8, 16, 24], 1, seed, side > 16 ? 2 : 1),
  depthwise: (side, seed) => depthwiseNet(side, [12, 24, 32], seed, side > 16 ? 2 : 1),
};

/** Every criterion of the experiments, and variants that only this measures: one line each. */
export const CRITERIA: Readonly<Record<string, Criterion<Need>>> = {
  ...Object.fromEntries(Object.entries(criteria).map(([name, build]) => [name, build()])),
  'taylor activations, not normalized': taylor({ on: 'activations', normalize: 'none' }),
};

export function splitsOf({ inputs, targets }: Images): Splits {
  return { train: { inputs: [inputs], targets: [targets] }, loss: ['sparseCategoricalCrossentropy'] };
}

export async function trainedNet(name: string, splits: Splits, seed: number, epochs: number): Promise<Checkpoint> {
  const net = SMALL_NETS[name](splits.train.inputs[0].shape[1], seed);
  const options = { epochs, batchSize: 64, learningRate: 0.1, optimizer: 'momentum' } as const;
  const trained = await fit(await capture(net), splits, options, { seed });
  net.dispose();
  return trained;
}

/** For each open group and each of its units: how much the mean loss over the training split rises when it alone is masked. */
export interface Oracle {
  readonly groups: readonly Group[];
  readonly rises: readonly Float64Array[];
  readonly loss: number;
  readonly accuracy: number;
}

export async function leaveOneOut(model: Checkpoint, { train, loss }: Splits): Promise<Oracle> {
  const traced = trace(model);
  const groups = groupsOf(traced).filter(({ frozen }) => frozen === undefined);
  const whole = await evaluate(model, train, loss);
  const rises: Float64Array[] = [];
  for (const { units } of groups) {
    const own = new Float64Array(units.length);
    for (const [i, unit] of units.entries()) {
      own[i] = (await evaluate(mask(model, traced, new Set([unit])), train, loss)).loss - whole.loss;
    }
    rises.push(own);
  }
  return { groups, rises, loss: whole.loss, accuracy: whole.accuracy ?? NaN };
}

/** Spearman's correlation of scores with the rise of the loss, and with its size. */
export interface Agreement {
  /** Over the units of all groups. */
  readonly all: number;
  /** Within each group, averaged over the units. */
  readonly within: number;
  readonly allSize: number;
  readonly withinSize: number;
}

/** Undefined for a criterion that does not cover every group. */
export async function agreement(
  criterion: Criterion<Need>,
  model: Checkpoint,
  splits: Splits,
  { groups, rises }: Oracle,
  seed: number,
): Promise<Agreement | undefined> {
  if (groups.some(group => criterion.covers?.(group, trace(model)) === false)) return undefined;
  const options = { original: model, seed, log: () => {}, progress: () => {} };
  const { context } = await createContext(options, splits, () => Promise.resolve(undefined));
  const scores = (await criterion.score(groups, model, context)).map(({ values }) => values);
  const sizes = rises.map(own => own.map(Math.abs));
  return {
    all: spearman(joined(scores), joined(rises)),
    within: withinGroups(scores, rises),
    allSize: spearman(joined(scores), joined(sizes)),
    withinSize: withinGroups(scores, sizes),
  };
}

/** How many batches a criterion took until its ranking had settled, and Spearman's correlation with that of all batches. */
export async function settled(
  build: (options: TaylorOptions & FisherOptions) => Criterion<'gradients'>,
  model: Checkpoint,
  splits: Splits,
  groups: readonly Group[],
  { least, batchSize }: { least: number; batchSize: number },
): Promise<{ readonly batches: number; readonly correlation: number }> {
  const scored = async (stopWhenStable: false | number) => {
    let batches = 0;
    const options = { original: model, seed: 0, log: () => {}, progress: () => void batches++ };
    const { context } = await createContext(options, splits, () => Promise.resolve(undefined));
    const criterion = build({
      batches: Math.ceil(splits.train.inputs[0].shape[0] / batchSize),
      batchSize,
      stopWhenStable,
    });
    return { scores: joined((await criterion.score(groups, model, context)).map(({ values }) => values)), batches };
  };
  const [whole, early] = [await scored(false), await scored(least)];
  return { batches: early.batches, correlation: spearman(early.scores, whole.scores) };
}

function joined(groups: readonly Float64Array[]): number[] {
  return groups.flatMap(values => Array.from(values));
}

/** A group of equal scores agrees with nothing. */
function withinGroups(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  const weighted = a.map((values, group) => values.length * (spearman(values, b[group]) || 0));
  return weighted.reduce((sum, value) => sum + value, 0) / joined(a).length;
}
