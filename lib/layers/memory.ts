/** What an attention layer remembers while a model decodes: no part of the model, never saved. */
import * as tf from '@tensorflow/tfjs-core';
import { PruneError } from '../core/errors';

/** Keys and values `[batch, heads, time, size]`, and the padding mask `[batch, time]` where there is one. */
export interface Heard {
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
  readonly mask?: tf.Tensor;
}

/** What all layers of a decoding share. */
export interface Texts {
  /** For each text of the batch, how many places before its first token hold nothing; none, where absent. */
  padding?: readonly number[];
}

/** Keys and values of the places that one layer has seen. */
export class Memory {
  length = 0;
  private heard?: Heard;

  constructor(private readonly texts: Texts = {}) {}

  /** 1 for the places that texts have seen, 0 for those before them, `[batch, time]`; undefined where there are none before. */
  seen(): tf.Tensor2D | undefined {
    const { padding } = this.texts;
    if (padding === undefined) return undefined;
    const row = (empty: number): number[] => Array.from({ length: this.length }, (_, place) => (place < empty ? 0 : 1));
    return tf.tensor2d(padding.map(row), [padding.length, this.length]);
  }

  /** Goes on with the texts at `rows` alone. */
  keepRows(rows: readonly number[]): void {
    const { keys, values, mask } = this.heard!;
    const some = tf.tidy(() => {
      const indices = tf.tensor1d([...rows], 'int32');
      const of = <T extends tf.Tensor>(x: T): T => tf.gather(x, indices);
      return { keys: of(keys), values: of(values), ...(mask && { mask: of(mask) }) };
    });
    this.replace(some);
  }

  /** Appends `fresh` and returns all of it. */
  add(fresh: Heard): Heard {
    requireRows(this.texts, fresh.keys.shape[0]);
    const past = this.heard;
    const all: Heard =
      past === undefined
        ? { keys: tf.clone(fresh.keys), values: tf.clone(fresh.values), mask: fresh.mask && tf.clone(fresh.mask) }
        : {
            keys: tf.concat([past.keys, fresh.keys], 2),
            values: tf.concat([past.values, fresh.values], 2),
            mask: past.mask && fresh.mask && tf.concat([past.mask, fresh.mask], 1),
          };
    this.replace(all);
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

  private replace(heard: Heard): void {
    this.dispose();
    tf.keep(heard.keys);
    tf.keep(heard.values);
    if (heard.mask) tf.keep(heard.mask);
    this.heard = heard;
    this.length = heard.keys.shape[2];
  }
}

/** @throws PruneError `bad-data` for a batch of another size than the decoding was begun for. */
export function requireRows({ padding }: Texts, got: number): void {
  if (padding === undefined || padding.length === got) return;
  throw new PruneError('bad-data', {
    place: 'startDecoding',
    expected: `batches of ${padding.length} texts, for which it was given padding`,
    got: String(got),
    cure: 'Give as many numbers as the batch has rows.',
  });
}
