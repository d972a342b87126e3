/**
 * core: plain data and plain functions. Knows nothing of tf.js, of layer classes or of pruning methods.
 * This file: the one error class of the library.
 */

/** Every way the library refuses, one word each. The troubleshooting guide is ordered by these codes. */
export type PruneErrorCode =
  | 'bad-option' // an option out of its range or not of its keywords
  | 'bad-ratio' // a ratio outside [0, 1)
  | 'bad-weights' // NaN, infinite or wrongly shaped weights
  | 'bad-data' // empty data, wrong shape, labels that do not match the head
  | 'bad-model' // a model whose topology cannot be read
  | 'bad-file' // a model file that is missing, corrupt or contradictory
  | 'bad-plan' // a plan for another model, or one that contradicts it or itself
  | 'no-rule' // a layer class without a rule
  | 'no-groups' // nothing in the model can be pruned
  | 'empty-group' // a budget that would empty a layer
  | 'not-exact' // the certificate failed: sliced and masked disagree
  | 'no-backend' // the requested backend cannot be had
  | 'bad-device' // the graphics device failed, was lost, or cannot hold a tensor of that size
  | 'aborted'; // stopped through an AbortSignal

/** What a {@link PruneError} says: *place: expected X, got Y. Cure.* */
export interface Complaint {
  /** Where: the function, layer, group or file. */
  readonly place: string;
  readonly expected: string;
  readonly got: string;
  /** What the reader should do, one sentence with its full stop. */
  readonly cure: string;
}

/** The only error the library throws on purpose; `code` is for programs, `message` for people. */
export class PruneError extends Error {
  readonly code: PruneErrorCode;

  constructor(code: PruneErrorCode, { place, expected, got, cure }: Complaint, options?: { cause?: unknown }) {
    super(`${place}: expected ${expected}, got ${got}. ${cure}`, options);
    this.name = 'PruneError';
    this.code = code;
  }
}
