/** What an attention layer remembers while a model decodes: no part of the model, never saved. */
import * as tf from '@tensorflow/tfjs-core';

/** Keys and values `[batch, heads, time, size]`, and the padding mask `[batch, time]` where there is one. */
export interface Heard {
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
  readonly mask?: tf.Tensor;
}

/** Keys and values of the places that one layer has seen. */
export class Memory {
  length = 0;
  private heard?: Heard;

  /** Appends `fresh` and returns all of it. */
  add(fresh: Heard): Heard {
    const past = this.heard;
    const all: Heard =
      past === undefined
        ? { keys: tf.clone(fresh.keys), values: tf.clone(fresh.values), mask: fresh.mask && tf.clone(fresh.mask) }
        : {
            keys: tf.concat([past.keys, fresh.keys], 2),
            values: tf.concat([past.values, fresh.values], 2),
            mask: past.mask && fresh.mask && tf.concat([past.mask, fresh.mask], 1),
          };
    this.dispose();
    tf.keep(all.keys);
    tf.keep(all.values);
    if (all.mask) tf.keep(all.mask);
    this.heard = all;
    this.length = all.keys.shape[2];
    return all;
  }

  dispose(): void {
    const { keys, values, mask } = this.heard ?? {};
    keys?.dispose();
    values?.dispose();
    mask?.dispose();
    this.heard = undefined;
    this.length = 0;
  }
}
