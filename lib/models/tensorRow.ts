/** What a model's files have to hold, as data. */

export interface TensorRow {
  readonly name: string;
  readonly shape: readonly number[];
  /** Other names it may have, the first that is there counts. */
  readonly or?: readonly string[];
  /** May be absent, as a head that the checkpoint was not trained with. */
  readonly optional?: boolean;
}

export interface TensorTable {
  readonly rows: readonly TensorRow[];
  /** What names may begin with, or not. */
  readonly prefix: string;
  /** Tensors that hold nothing of the model's own. */
  readonly harmless: RegExp;
}
