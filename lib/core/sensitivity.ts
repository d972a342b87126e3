/** What a scan of single groups found: plain data, which a file can hold and a budget can read. */
import type { Score } from './context';

/** The model after one group alone has lost units; statistics measured anew where the scan says so. */
export interface SensitivityPoint extends Score {
  /** As it was asked for. */
  readonly ratio: number;
  /** Units that went, of the group's own. */
  readonly removed: number;
}

export interface GroupSensitivity {
  readonly name: string;
  readonly kind: string;
  readonly units: number;
  /** By rising ratio. */
  readonly points: readonly SensitivityPoint[];
}

export interface Sensitivity {
  /** What chose the units. */
  readonly criterion: string;
  readonly recalibrated: boolean;
  /** Of the model as it is, on the same examples. */
  readonly dense: Score;
  readonly groups: readonly GroupSensitivity[];
}
