/** A report as a run gives it, with round figures. */
import type { CoupledSite, Plan } from '../../lib/edit/plan';
import type { Account } from '../../lib/report/account';
import type { Cost, Report } from '../../lib/report/report';

const cost = (units: number, parameters: number, macs: number): Cost => ({
  units,
  parameters,
  macs,
  bytes: parameters * 4,
});
const dense = cost(672, 1_254_321, 12_400_000);
const small = cost(235, 210_432, 2_134_000);

export const SAMPLE: Report = {
  method: 'networkSlimming',
  seed: 0,
  backend: 'wasm',
  split: 'test',
  before: dense,
  after: small,
  stages: [
    { name: 'dense', ...dense, accuracy: 0.9833, loss: 0.05123 },
    { name: 'pruned', ...small, accuracy: 0.1131, loss: 3.06121 },
    { name: 'fine-tuned', ...small, accuracy: 0.979, loss: 0.07119 },
  ],
  layers: [
    { layer: 'stem', before: 24, after: 12 },
    { layer: 'block1_conv1', before: 24, after: 3 },
    { layer: 'head', before: 10, after: 10 },
  ],
  certificates: [{ error: 2.98e-8, tolerance: 1e-4, probes: 4, place: 'prune' }],
  latency: {
    backend: 'wasm',
    batch: 64,
    runs: 30,
    before: { median: 12.31, least: 11, most: 20 },
    after: { median: 3.21, least: 3, most: 5 },
    speedup: 3.83,
  },
};

/** The plan of its cut, with a frozen end, a group that something ties, and one that nothing does. */
export const PLAN: Plan = {
  version: 1,
  source: { sha256: '0123456789abcdef'.repeat(4) },
  method: 'networkSlimming',
  seed: 0,
  groups: [
    {
      name: 'image',
      kind: 'features',
      units: 1,
      removed: [],
      frozen: 'model input',
      coupled: sites(['stem', 'reads']),
    },
    {
      name: 'stem',
      kind: 'channels',
      units: 24,
      removed: [0, 1, 2, 5, 7, 8, 9, 14, 15, 16, 20, 23],
      coupled: sites(['stem', 'makes'], ['block1_conv2', 'makes'], ['stem_bn', 'scales'], ['block1_conv1', 'reads'], ['head', 'reads']), // prettier-ignore
      reasons: ['"add" (Add) ties them position by position', '"stem_bn" (BatchNormalization) scales them one to one'],
      savings: { parameters: 1234, macs: 5678, bytes: 4936 },
    },
    {
      name: 'block1_conv1',
      kind: 'channels',
      units: 24,
      removed: Array.from({ length: 21 }, (_, i) => i + 3),
      coupled: sites(['block1_conv1', 'makes'], ['block1_conv2', 'reads']),
      reasons: ['"block1_conv2" (Conv2D) reads what "block1_conv1" (Conv2D) makes'],
      savings: { parameters: 4321, bytes: 17284 },
    },
    {
      name: 'head',
      kind: 'neurons',
      units: 10,
      removed: [],
      frozen: 'model output',
      coupled: sites(['head', 'makes']),
    },
  ],
  sites: [],
};

function sites(...places: readonly (readonly [layer: string, role: string])[]): CoupledSite[] {
  return places.map(([layer, role]) => ({ layer, weight: 0, axis: 3, role, parameter: 'kernel' }));
}

const counted = (first: number): number[] => [first, 40, 30, 20, 10, 100 - first];

/** All that a report can tell. */
export const ACCOUNT = {
  report: {
    ...SAMPLE,
    stages: SAMPLE.stages.map((stage, i) => ({ ...stage, latency: i === 0 ? 12.31 : 3.21 })),
    gammas: [
      { l1: 0.01, most: 1.2, counts: [counted(0), counted(50), counted(90)] },
      { l1: 0.01, most: 0.6, counts: [counted(60), counted(80)] },
    ],
    blocks: [{ name: 'block4', branches: ['add_4'], layers: ['conv_a', 'conv_b', 'add_4'] }],
    turned: [{ name: 'norm_1', before: 64, after: 48 }],
    undone: [{ method: 'prune(l1)', reason: 'accuracy fell', before: { loss: 1 }, after: { loss: 2 } }],
  },
  plan: {
    ...PLAN,
    measured: [
      {
        backend: 'wasm',
        batch: 1,
        runs: 20,
        target: 5,
        dense: 10,
        multipleOf: 4,
        trials: [{ units: 0.5, work: 0.4, milliseconds: 5.5, speedup: 1.8 }],
        result: { units: 0.4, work: 0.3, milliseconds: 4.9, speedup: 2.1 },
      },
    ],
  },
  sensitivity: {
    criterion: 'l1',
    recalibrated: false,
    dense: { loss: 0.1, accuracy: 0.98 },
    groups: [
      {
        name: 'stem',
        kind: 'channels',
        units: 24,
        points: [
          { ratio: 0.3, removed: 7, loss: 0.2, accuracy: 0.9 },
          { ratio: 0.6, removed: 14, loss: 0.9, accuracy: 0.4 },
        ],
      },
    ],
  },
} satisfies Account;
