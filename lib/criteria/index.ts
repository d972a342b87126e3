/** The criteria: adding one is one file and one line here. */
export type { Aggregate } from './aggregate';
export { scoreEach, type Criterion, type Scores } from './criterion';
export type { Normalize } from './normalize';
export { fisher, type FisherOptions } from './fisher';
export { gamma } from './gamma';
export { magnitude } from './magnitude';
export { random } from './random';
export { taylor, type TaylorOptions } from './taylor';
