/** The criteria: adding one is one file and one line here. */
export type { Criterion } from './criterion';
export { gamma } from './gamma';
export { magnitude } from './magnitude';
export { random } from './random';
