/** A report as a run gives it, with round figures. */
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
