/** The criteria: adding one is one file and one line here. */
export type { Aggregate } from './aggregate';
export type { BlockCriterion } from './blockCriterion';
export { blockInfluence } from './blockInfluence';
export { firstBlocks, lastBlocks, randomBlocks } from './blockOrder';
export { lossIncrease } from './lossIncrease';
export { scoreEach, type Criterion, type Scores } from './criterion';
export type { Normalize } from './normalize';
export { coupled, type CoupledOptions } from './coupled';
export { fisher, type FisherOptions } from './fisher';
export { gamma } from './gamma';
export { geometricMedian, type GeometricMedianOptions } from './geometricMedian';
export { activation, type ActivationOptions } from './activation';
export { wanda, type WandaOptions } from './wanda';
export { fluctuation } from './fluctuation';
export { hrank, type HrankOptions } from './hrank';
export { magnitude } from './magnitude';
export { random } from './random';
export { taylor, type TaylorOptions } from './taylor';
