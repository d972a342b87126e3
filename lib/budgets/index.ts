/** The budgets: adding one is one file and one line here. */
export {
  stepRatio,
  unitsGone,
  type Budget,
  type BudgetOptions,
  type Limits,
  type Minimum,
  type Scored,
  type Survivors,
} from './budget';
export { uniform, type UniformOptions } from './uniform';
export { global, type GlobalOptions } from './global';
export type { UnitCost } from './unitCosts';
export { isomorphic } from './isomorphic';
export { costTarget, type CostTargetOptions } from './costTarget';
export { costSearch, type Candidate, type CostSearch } from './costSearch';
export { perGroup, inProportion, type PerGroupOptions, type InProportionOptions, type GroupRatios } from './perGroup';
export { bySensitivity, type BySensitivityOptions } from './bySensitivity';
export { counting, ratiosOf, sizesOf, type Schedule } from './schedule';
