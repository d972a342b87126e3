/** All that is known of a compression, for what shows it. */
import type { Sensitivity } from '../core/sensitivity';
import type { Plan } from '../edit/plan';
import type { Report } from './report';

/** What `compress` returns is one. */
export interface Account {
  readonly report: Report;
  /** For the groups, and why they go together. */
  readonly plan?: Plan;
  /** For curves of what each group alone costs, as `sensitivity` measured them. */
  readonly sensitivity?: Sensitivity;
}
