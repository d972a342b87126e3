/** The only door: every public name, in the order one meets them. */
export { useBackend } from './runtime/backend';
export { compress, type Compressed, type CompressOptions } from './compress';
export { train } from './runtime/train';
export type { Data, Examples } from './runtime/data';

export { networkSlimming, prune, fineTune, recalibrate, repair, slim, chain, repeat } from './methods';
export type {
  Method,
  PruneOptions,
  FineTuneOptions,
  SlimOptions,
  NetworkSlimmingOptions,
  RepairOptions,
} from './methods';
export { gamma, magnitude, random, type Criterion } from './criteria';
export { uniform, global, stepRatio, type Budget } from './budgets';

export { slimmable } from './layers/slimmable';
export { slimModel, strip } from './runtime/slimModel';

export { capture } from './runtime/capture';
export { materialize } from './runtime/materialize';
export { groups, type Group } from './graph/group';
export { costOf } from './report/cost';
export { formatReport } from './report/format';
export { measureLatency } from './report/latency';
export type { Report, Stage, Cost, Latency } from './report/report';
export type { Plan } from './edit/plan';
export type { Checkpoint } from './core/checkpoint';
export type { Context, Need, Progress, Certificate } from './core/context';
export type { NdArray } from './core/array';

export { saveLayersModel, loadLayersModel } from './runtime/files';
export { PruneError, type PruneErrorCode } from './core/errors';
