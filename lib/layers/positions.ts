/** What transformers do along time beside attention: learned positions, a token that stands for the whole, and its choice. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { CLASS_TOKEN, FIRST_TOKEN, POSITION_EMBEDDING } from '../rules/positions';
import { requireRows, type Texts } from './memory';
import { lastOf, plainArgs, single, tableInitializer, type LayerArgs, type Shape, type TableArgs } from './own';

export interface PositionEmbeddingOptions extends TableArgs {
  /** Longest text. */
  readonly maxLength: number;
}

/** Adds to `x [batch, time, width]` a learned vector of each place, from a table `[maxLength, width]`. */
export function positionEmbedding(options: PositionEmbeddingOptions): PositionEmbedding {
  return new PositionEmbedding(options);
}

/** Puts a learned vector in front of `[batch, time, width]`, which makes `[batch, time + 1, width]`. */
export function classToken(options: TableArgs = {}): ClassToken {
  return new ClassToken(options);
}

/** The vector of the first place: `[batch, time, width]` to `[batch, width]`. */
export function firstToken(options: LayerArgs = {}): FirstToken {
  return new FirstToken(options);
}

/** Made by {@link positionEmbedding} and deserialization. */
export class PositionEmbedding extends layers.layers.Layer {
  /** @nocollapse */
  static className = POSITION_EMBEDDING;
  /** Place of the first vector that comes next, while `startDecoding` holds the model. */
  start?: number;
  /** Of that decoding. */
  texts?: Texts;
  private readonly maxLength: number;
  private readonly options: TableArgs;
  private table!: layers.LayerVariable;

  constructor({ maxLength, ...args }: PositionEmbeddingOptions) {
    super(plainArgs(args));
    this.maxLength = checkNumber('positionEmbedding', 'maxLength', maxLength, { least: 1, integer: true });
    this.options = args;
  }

  override build(inputShape: Shape | Shape[]): void {
    const shape = [this.maxLength, lastOf(inputShape)];
    this.table = this.addWeight('positions', shape, 'float32', tableInitializer(this.options));
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = single(inputs);
      const [, time, width] = x.shape;
      const start = this.start ?? 0;
      if (start + time > this.maxLength) throw tooLong(this.name, this.maxLength, start + time);
      if (this.texts) requireRows(this.texts, x.shape[0]);
      if (this.start !== undefined) this.start += time;
      return tf.add(x, this.vectors(start, time, width));
    });
  }

  /** Of `time` places from `start` on, `[time, width]`; `[batch, time, width]` where texts begin at places of their own. */
  private vectors(start: number, time: number, width: number): tf.Tensor {
    const { padding } = this.texts ?? {};
    if (padding === undefined) return tf.slice(this.table.read(), [start, 0], [time, width]);
    const places = padding.flatMap(empty => Array.from({ length: time }, (_, i) => Math.max(0, start + i - empty)));
    const found = tf.gather(this.table.read(), tf.tensor1d(places, 'int32'));
    return tf.reshape(found, [padding.length, time, width]);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), maxLength: this.maxLength };
  }
}

/** Made by {@link classToken} and deserialization. */
export class ClassToken extends layers.layers.Layer {
  /** @nocollapse */
  static className = CLASS_TOKEN;
  private readonly options: TableArgs;
  private token!: layers.LayerVariable;

  constructor(options: TableArgs = {}) {
    super(plainArgs(options));
    this.options = options;
  }

  override build(inputShape: Shape | Shape[]): void {
    const shape = [1, 1, lastOf(inputShape)];
    this.token = this.addWeight('token', shape, 'float32', tableInitializer(this.options));
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = single(inputs);
      return tf.concat([tf.tile(this.token.read(), [x.shape[0], 1, 1]), x], 1);
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, time, width] = inputShape as Shape;
    return [batch, time === null ? null : time + 1, width];
  }
}

/** Made by {@link firstToken} and deserialization. */
export class FirstToken extends layers.layers.Layer {
  /** @nocollapse */
  static className = FIRST_TOKEN;

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const x = single(inputs);
      const [batch, , width] = x.shape;
      return tf.reshape(tf.slice(x, [0, 0, 0], [batch, 1, width]), [batch, width]);
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, , width] = inputShape as Shape;
    return [batch, width];
  }
}

for (const type of [PositionEmbedding, ClassToken, FirstToken]) tf.serialization.registerClass(type);

function tooLong(name: string, most: number, got: number): PruneError {
  return new PruneError('bad-data', {
    place: `positionEmbedding "${name}"`,
    expected: `at most ${most} places`,
    got: String(got),
    cure: 'Cut the text into shorter ones, or build the layer with a larger maxLength.',
  });
}
