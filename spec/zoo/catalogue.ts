/** The catalogue: small nets with the exact groups that they must have, written by hand. */
import * as images from './catalogueImages';
import * as sequences from './catalogueSequences';
import * as shapes from './catalogueShapes';
import * as shared from './catalogueShared';
import type { Net } from './parts';

export interface Case {
  readonly net: Net;
  /** In the notation of `notation.ts`, in any order. */
  readonly groups: readonly string[];
  /** The units along some weight axes (`layer.weight.axis`): group and index. */
  readonly positions?: Readonly<Record<string, string>>;
}

export type Cases = Readonly<Record<string, Case>>;

export const CATALOGUE: Readonly<Record<string, Cases>> = {
  ...images,
  ...shapes,
  ...shared,
  recurrent: sequences.recurrent,
  normalized: sequences.streams,
};
