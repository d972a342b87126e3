/** Attention without weights of its own: queries, keys, values and output are stock Dense layers around it. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { checkKeyword, checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { ATTENTION, ATTENTION_UNITS, type AttentionUnits } from '../rules/attention';
import { ROTARY_LAYOUTS, rotaryFrequencies, type Rotary, type RotaryLayout } from '../rules/rotary';
import { attend, causalBias, paddingBias, splitHeads } from './attend';
import type { Memory } from './memory';
import { lastOf, type LayerArgs, type Shape } from './own';
import { rotate } from './rotate';

export interface RotaryOptions {
  /** Which dimensions of a head turn together; default 'half', that of Hugging Face. */
  readonly layout?: RotaryLayout;
  /** Default 10000. */
  readonly base?: number;
  /** One per pair, instead of those that `base` gives. */
  readonly frequencies?: readonly number[];
}

export interface AttentionOptions extends LayerArgs {
  /** Of the queries. */
  readonly heads: number;
  /** Of keys and values, a divisor of `heads`: query head h hears floor(h / (heads / kvHeads)); default `heads`. */
  readonly kvHeads?: number;
  /** No place hears a later one; default false. */
  readonly causal?: boolean;
  /** Factor of the scores; default 1 / sqrt(size of a query head), which stays what it is when dimensions are cut. */
  readonly scale?: number;
  readonly rotary?: RotaryOptions;
  /** What can be pruned: whole heads (a key and value head with all queries that hear it), or dimensions of all heads alike; default 'heads'. */
  readonly units?: AttentionUnits;
}

/**
 * Attention of `[queries, keys, values]`, each `[batch, time, heads * size]`, and optionally a padding mask `[batch, time]` (1 for
 * places that count), to `[batch, time, heads * valueSize]`. It has no weights: put Dense layers before and behind it.
 * @throws PruneError `bad-option` for heads that do not fit each other, at once or when widths are known.
 */
export function attention(options: AttentionOptions): Attention {
  return new Attention(options);
}

/** Made by {@link attention} and deserialization. */
export class Attention extends layers.layers.Layer {
  /** @nocollapse */
  static className = ATTENTION;
  readonly heads: number;
  readonly kvHeads: number;
  readonly causal: boolean;
  readonly units: AttentionUnits;
  /** What was heard before, while `startDecoding` holds the model. */
  memory?: Memory;
  private scale?: number;
  private readonly turning?: RotaryOptions;
  private rotary?: Rotary;

  constructor({ heads, kvHeads = heads, causal = false, scale, rotary, units = 'heads', ...args }: AttentionOptions) {
    super(args);
    checkNumber('attention', 'heads', heads, { least: 1, integer: true });
    checkNumber('attention', 'kvHeads', kvHeads, { least: 1, integer: true });
    checkKeyword('attention', 'units', units, ATTENTION_UNITS);
    if (scale != null) checkNumber('attention', 'scale', scale);
    if (rotary?.layout !== undefined) checkKeyword('attention', 'rotary.layout', rotary.layout, ROTARY_LAYOUTS);
    if (heads % kvHeads !== 0) throw misfit(this.name, `heads to be a multiple of kvHeads (${kvHeads})`, heads);
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.causal = causal;
    this.units = units;
    this.scale = scale ?? undefined;
    this.turning = rotary ?? undefined;
  }

  override build(inputShape: Shape | Shape[]): void {
    const [queries, keys, values] = (inputShape as Shape[]).map(lastOf);
    const size = queries / this.heads;
    if (!Number.isInteger(size)) throw misfit(this.name, `queries of a multiple of ${this.heads} (heads)`, queries);
    if (keys !== size * this.kvHeads) throw misfit(this.name, `keys of ${this.kvHeads} heads of size ${size}`, keys);
    if (values % this.kvHeads !== 0)
      throw misfit(this.name, `values of a multiple of ${this.kvHeads} (kvHeads)`, values);
    this.scale ??= 1 / Math.sqrt(size);
    if (this.turning) this.rotary = rotaryOf(this.name, this.turning, size);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor {
    return tf.tidy(() => {
      this.invokeCallHook(inputs, kwargs);
      const { heads, kvHeads, causal, rotary, memory } = this;
      const [query, key, value, mask] = inputs as tf.Tensor[];
      const start = memory?.length ?? 0;
      const turn = (x: tf.Tensor4D): tf.Tensor4D => (rotary ? rotate(x, rotary, start) : x);
      const fresh = { keys: turn(splitHeads(key, kvHeads)), values: splitHeads(value, kvHeads), mask };
      const heard = memory ? memory.add(fresh) : fresh;
      // Rotary scores know distances only, so that texts which begin later need no places of their own.
      const masks = [heard.mask, memory?.seen()].map(each => each && paddingBias(each));
      const causality = causal ? causalBias(query.shape[1]!, start) : undefined;
      const bias = [causality, ...masks].reduce<tf.Tensor | undefined>(sumOf, undefined);
      return attend(turn(splitHeads(query, heads)), heard.keys, heard.values, { scale: this.scale!, bias });
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [queries, , values] = inputShape as Shape[];
    return [...queries.slice(0, -1), (lastOf(values) / this.kvHeads) * this.heads];
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { heads, kvHeads, causal, units, scale } = this;
    const rotary = this.rotary ?? this.turning;
    const own = { heads, kvHeads, causal, units, ...(scale !== undefined && { scale }), ...(rotary && { rotary }) };
    return { ...super.getConfig(), ...own } as never;
  }
}

tf.serialization.registerClass(Attention);

function sumOf(a: tf.Tensor | undefined, b: tf.Tensor | undefined): tf.Tensor | undefined {
  return a && b ? tf.add(a, b) : (a ?? b);
}

function rotaryOf(name: string, { layout = 'half', base, frequencies }: RotaryOptions, size: number): Rotary {
  if (size % 2 !== 0) throw misfit(name, 'heads of an even size, whose dimensions turn in pairs', size);
  const turned = frequencies ?? rotaryFrequencies(size, base);
  if (turned.length !== size / 2) throw misfit(name, `${size / 2} rotary frequencies`, turned.length);
  return { layout, frequencies: [...turned] };
}

function misfit(name: string, expected: string, got: number): PruneError {
  const cure = 'Make the widths of the Dense layers before it multiples of the number of heads.';
  return new PruneError('bad-option', { place: `attention "${name}"`, expected, got: String(got), cure });
}
