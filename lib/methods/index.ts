/** The methods: adding one is one file and one line here. */
export { chain, repeat, type Method } from './method';
export { prune, type PruneOptions } from './prune';
export { pruneToLatency, type PruneToLatencyOptions } from './pruneToLatency';
export { layerDrop, type LayerDropOptions } from './layerDrop';
export { sliceGpt, type SliceGptOptions } from './sliceGpt';
export { cut } from './cut';
export { distill, fineTune, recalibrate, slim } from './fineTune';
export type { Distillation, DistillOptions, FineTuneOptions, SlimOptions } from './fineTune';
export { repair, type RepairOptions } from './repair';
export { networkSlimming, type NetworkSlimmingOptions } from './networkSlimming';
export { iterative, type IterativeOptions } from './iterative';
export { guard, type GuardOptions } from './guard';
export { groupLasso, growingReg, type GroupLassoOptions, type GrowingRegOptions } from './regularize';
