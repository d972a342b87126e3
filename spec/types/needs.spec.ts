/** Misuse that must not compile: `tsc` checks each `@ts-expect-error`, the test itself only proves that the file is read. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  applyPlan,
  blockInfluence,
  chain,
  compress,
  costTarget,
  ffnPruning,
  fineTune,
  fisher,
  flap,
  gamma,
  global,
  headPruning,
  magnitude,
  networkSlimming,
  plan,
  bySensitivity,
  inProportion,
  lastBlocks,
  laco,
  layerDrop,
  lossIncrease,
  perGroup,
  prune,
  pruneToLatency,
  recalibrate,
  repair,
  repeat,
  restore,
  sensitivity,
  sleb,
  sliceGpt,
  slim,
  taylor,
  twoStage,
  uniform,
  wandaSp,
  type Checkpoint,
  type Context,
  type Criterion,
  type Data,
  type Group,
  type Method,
  type Plan,
} from 'tfjs-prune';

declare const model: LayersModel;
declare const data: Data;
declare const checkpoint: Checkpoint;
declare const group: Group;
declare const context: Context;
declare const withTraining: Context<'data' | 'training'>;
declare const needsData: Criterion<'data'>;
declare const made: Plan;

const budget = uniform({ ratio: 0.5 });
const free = prune({ criterion: magnitude(), budget });

/** Never called: only its types count. */
export function misuse(): unknown[] {
  return [
    // What needs no data does with and without.
    compress(model, free),
    compress(model, free, {}),
    compress(model, free, { data, seed: 1 }),
    // What needs data does with data.
    compress(model, fineTune({ epochs: 1 }), { data }),
    compress(model, chain(free, fineTune({ epochs: 1 })), { data }),

    // @ts-expect-error training needs data
    compress(model, fineTune({ epochs: 1 })),
    // @ts-expect-error options without data are no data
    compress(model, fineTune({ epochs: 1 }), { seed: 1 }),
    // @ts-expect-error slimming trains
    compress(model, slim({ epochs: 1, l1: 1e-4 }), {}),
    compress(model, prune({ criterion: taylor(), budget }), { data }),
    // @ts-expect-error gradients come from data
    compress(model, prune({ criterion: taylor(), budget })),
    // @ts-expect-error gradients come from data
    plan(model, { criterion: fisher(), budget }),
    // @ts-expect-error statistics come from data
    compress(model, recalibrate()),
    // @ts-expect-error repair looks at data, whatever it repairs
    compress(model, repair(free)),
    compress(model, repair(free), { data }),
    // @ts-expect-error a preset asks for what its parts ask for
    compress(model, networkSlimming({ ratio: 0.5, slim: { epochs: 1, l1: 1e-4 }, fineTune: { epochs: 1 } })),
    // @ts-expect-error so does a chain
    compress(model, chain(free, fineTune({ epochs: 1 }))),
    // @ts-expect-error of different needs too
    compress(model, chain(free, recalibrate(), fineTune({ epochs: 1 }))),
    // @ts-expect-error and a repetition
    compress(
      model,
      repeat(2, () => fineTune({ epochs: 1 })),
    ),
    // @ts-expect-error and a prune whose criterion looks at data
    compress(model, prune({ criterion: needsData, budget })),
    // @ts-expect-error undefined is no data
    compress(model, recalibrate(), { data: undefined }),

    // So do plans.
    plan(model, { criterion: magnitude(), budget }),
    plan(model, { criterion: magnitude(), budget, data, seed: 1 }),
    plan(model, { criterion: needsData, budget, data }),
    // @ts-expect-error a criterion that looks at data
    plan(model, { criterion: needsData, budget }),
    // @ts-expect-error a plan is not timed
    plan(model, { criterion: magnitude(), budget, latency: false }),
    // @ts-expect-error the seed is the plan's
    applyPlan(model, made, { seed: 1 }),
    applyPlan(model, made, { keepRemoved: true }).then(result => restore(result.model, made, result.removed)),
    // @ts-expect-error what was not kept may be missing
    applyPlan(model, made).then(result => restore(result.model, made, result.removed)),
    compress(model, free, { keepRemoved: true }).then(result => restore(result.model, result.plan, result.removed)),

    // @ts-expect-error a method that trains cannot run where nothing trains
    fineTune({ epochs: 1 }).run(checkpoint, context),
    fineTune({ epochs: 1 }).run(checkpoint, withTraining),
    // @ts-expect-error a criterion neither
    needsData.score([group], checkpoint, context),
    // @ts-expect-error a method with needs is no method without
    ((): Method => fineTune({ epochs: 1 }))(),

    compress(model, layerDrop({ criterion: lastBlocks(), count: 1 })),
    compress(model, layerDrop({ criterion: lossIncrease(), count: 1 }), { data }),
    // @ts-expect-error blocks are scored on data
    compress(model, layerDrop({ criterion: lossIncrease(), count: 1 })),
    // @ts-expect-error so is their influence
    compress(model, layerDrop({ criterion: blockInfluence(), ratio: 0.5 })),
    compress(model, sliceGpt({ ratio: 0.25 }), { data }),
    // @ts-expect-error directions are measured on data
    compress(model, sliceGpt({ ratio: 0.25 })),
    // @ts-expect-error so is what stays similar
    compress(model, laco({ threshold: 0.9 })),
    // @ts-expect-error a threshold has no default
    laco({ merge: 3 }),
    // @ts-expect-error units are not blocks
    layerDrop({ criterion: magnitude(), count: 1 }),
    // @ts-expect-error nor blocks units
    prune({ criterion: lastBlocks(), budget }),

    // @ts-expect-error repair repairs a method
    repair({ kind: 'mean' }),
    // @ts-expect-error in one of two ways
    repair(free, { kind: 'median' }),
    // @ts-expect-error folding is exact, bounded or off
    prune({ criterion: gamma(), budget, fold: true }),
    // @ts-expect-error a ratio is required
    uniform({}),
    // @ts-expect-error and is a number
    global({ ratio: '50%' }),
    // @ts-expect-error there is no such option
    uniform({ ratio: 0.5, min: 1 }),
    // @ts-expect-error a target is a cost, not a ratio
    costTarget({ ratio: 0.5 }),
    // @ts-expect-error and a scope is called with one
    costTarget({ macs: 0.5, scope: uniform({ ratio: 0.5 }) }),
    costTarget({ macs: 0.5, scope: inProportion({ ratios: { a: 0.5 } }) }),
    // @ts-expect-error ratios are numbers
    perGroup({ ratios: { a: '50%' } }),
    // @ts-expect-error and are called ratios
    perGroup({ a: 0.5 }),
    // @ts-expect-error what may be lost is read from a scan
    bySensitivity({ drop: 0.01 }),
    pruneToLatency({ criterion: magnitude(), milliseconds: 5, multipleOf: 'auto' }),
    // @ts-expect-error a clock decides, not a budget
    pruneToLatency({ criterion: magnitude(), speedup: 2, budget }),
    // @ts-expect-error a multiple is a number or auto
    pruneToLatency({ criterion: magnitude(), speedup: 2, multipleOf: 'any' }),
    // @ts-expect-error timing asks for no data, but the criterion does
    compress(model, pruneToLatency({ criterion: needsData, speedup: 2 })),
    compress(model, pruneToLatency({ criterion: magnitude(), speedup: 2 })),
    sensitivity(model, { data, criterion: magnitude() }),
    sensitivity(model, { data, criterion: needsData, recalibrate: true }),
    // @ts-expect-error losses are measured on data, whatever the criterion
    sensitivity(model, { criterion: magnitude() }),
    // @ts-expect-error heads are ranked by gradients unless told
    compress(model, headPruning({ ratio: 0.5 })),
    compress(model, headPruning({ ratio: 0.5, criterion: magnitude() })),
    compress(model, ffnPruning({ ratio: 0.5 }), { data }),
    // @ts-expect-error this criterion looks at data
    compress(model, ffnPruning({ ratio: 0.5, criterion: needsData })),
    // @ts-expect-error these look at data, and choose their criteria themselves
    compress(model, flap({ ratio: 0.5 })),
    // @ts-expect-error this one at two stages
    compress(model, twoStage({ ratio: 0.5 })),
    // @ts-expect-error so do the presets that drop blocks
    compress(model, sleb({ ratio: 0.5 })),
    // @ts-expect-error which are not to be chosen
    wandaSp({ ratio: 0.5, criterion: magnitude() }),
    // @ts-expect-error units cost parameters or MACs
    global({ ratio: 0.5, per: 'seconds' }),
    // @ts-expect-error nor such a norm
    magnitude({ norm: 'l0' }),
    // @ts-expect-error gamma takes no options
    gamma({ norm: 'l1' }),
    // @ts-expect-error a budget is required
    prune({ criterion: gamma() }),
    // @ts-expect-error a criterion is called
    prune({ criterion: gamma, budget }),
    // @ts-expect-error epochs are required
    fineTune({}),
    // @ts-expect-error the penalty belongs to slim
    fineTune({ epochs: 1, l1: 1e-4 }),
    // @ts-expect-error slim needs its strength
    slim({ epochs: 1 }),
    // @ts-expect-error repeat takes a function of the round
    repeat(2, free),
    // @ts-expect-error a checkpoint is not a model
    compress(checkpoint, free),
  ];
}

/** Plain data is not to be changed. */
export function mutation(): void {
  // @ts-expect-error units are read-only
  group.units.push(1);
  // @ts-expect-error so are sites
  group.sites[0].axis = 1;
  // @ts-expect-error so is the topology
  checkpoint.topology.config.layers.pop();
  // @ts-expect-error so are plans
  made.groups[0].removed.push(1);
  // @ts-expect-error and the weights
  checkpoint.weights.set('a', []);
}

test('the misuse above is checked by the compiler', () => {
  expect(typeof misuse).toBe('function');
});
