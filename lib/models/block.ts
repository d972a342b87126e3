/** One transformer layer as Llama, BERT and ViT have it: attention and a feed-forward part, each with its norm and its sum. */
import { ATTENTION, type AttentionUnits } from '../rules/attention';
import { rotaryFrequencies, type RotaryLayout } from '../rules/rotary';
import type { LAYER_NORM, RMS_NORM } from '../rules/widthNorms';
import type { Blueprint, Wire } from './blueprint';
import type { ActivationName } from './configReader';
import type { LayerShape } from './layerShape';

export interface BlockStyle {
  readonly norm: NormStyle;
  /** Before each part, or behind its sum. */
  readonly place: 'pre' | 'post';
  readonly activation: ActivationName;
  /** The activation of one Dense layer multiplies the output of another. */
  readonly gated: boolean;
  readonly causal: boolean;
  readonly units: AttentionUnits;
  readonly rotary?: { readonly layout: RotaryLayout; readonly theta: number };
  readonly bias: { readonly query: boolean; readonly output: boolean; readonly feedForward: boolean };
}

export interface NormStyle {
  readonly className: typeof RMS_NORM | typeof LAYER_NORM;
  readonly epsilon: number;
  /** What its sums are divided by; default: the size of what it is given. */
  readonly width?: number;
}

/** Activations in the words of tf.js. */
export const ACTIVATION_WORDS: Readonly<Record<ActivationName, string>> = {
  silu: 'swish',
  gelu: 'gelu',
  geluTanh: 'gelu_new',
  relu: 'relu',
  tanh: 'tanh',
};

/** Beginning of the names of the layers of transformer layer number `index`. */
export function prefixOf(index: number): string {
  return `layers_${index}_`;
}

/** Hangs a transformer layer behind `stream`; what its shape says is not there passes by. */
export function addBlock(net: Blueprint, stream: Wire, { prefix, shape, style, mask, size }: BlockAt): Wire {
  const part = (name: string, has: boolean, of: (x: Wire) => Wire, x: Wire): Wire => {
    if (!has) return x;
    const norm = (from: Wire): Wire => addNorm(net, `${prefix}${name}_norm`, style.norm, from);
    const sum = (inside: Wire): Wire => net.layer('Add', `${prefix}${name}_add`, {}, x, inside);
    return style.place === 'pre' ? sum(of(norm(x))) : norm(sum(of(x)));
  };
  const at = { prefix, shape, style, mask, size };
  const heard = part('attention', shape.heads > 0, x => addAttention(net, x, at), stream);
  return part('feed_forward', shape.intermediateSize > 0, x => addFeedForward(net, x, at), heard);
}

export interface BlockAt {
  /** Of its layers' names. */
  readonly prefix: string;
  readonly shape: LayerShape;
  readonly style: BlockStyle;
  /** 1 for places that count. */
  readonly mask?: Wire;
  /** Width of the stream. */
  readonly size: number;
}

export function addNorm(net: Blueprint, name: string, { className, epsilon, width }: NormStyle, from: Wire): Wire {
  return net.layer(className, name, { epsilon, ...(width !== undefined && { width }) }, from);
}

function addAttention(net: Blueprint, x: Wire, { prefix, shape, style, mask, size }: BlockAt): Wire {
  const { heads, keyValueHeads, headSize, valueSize } = shape;
  const useBias = style.bias.query;
  const query = net.dense(`${prefix}attention_query`, heads * headSize, { useBias }, x);
  const key = net.dense(`${prefix}attention_key`, keyValueHeads * headSize, { useBias }, x);
  const value = net.dense(`${prefix}attention_value`, keyValueHeads * valueSize, { useBias }, x);
  const config = attentionConfig(shape, style);
  const mixed = net.layer(ATTENTION, `${prefix}attention`, config, query, key, value, ...(mask ? [mask] : []));
  return net.dense(`${prefix}attention_output`, size, { useBias: style.bias.output }, mixed);
}

function attentionConfig(shape: LayerShape, { causal, units, rotary }: BlockStyle): Record<string, unknown> {
  const { heads, keyValueHeads: kvHeads, originalHeadSize, rotaryPairs } = shape;
  const scale = 1 / Math.sqrt(originalHeadSize);
  const config = { heads, kvHeads, causal, units, scale };
  if (rotary === undefined) return config;
  const all = rotaryFrequencies(originalHeadSize, rotary.theta);
  const frequencies = rotaryPairs ? rotaryPairs.map(pair => all[pair]) : all;
  return { ...config, rotary: { layout: rotary.layout, frequencies } };
}

function addFeedForward(net: Blueprint, x: Wire, { prefix, shape, style, size }: BlockAt): Wire {
  const useBias = style.bias.feedForward;
  const activation = ACTIVATION_WORDS[style.activation];
  const dense = (name: string, options: { activation?: string }): Wire =>
    net.dense(`${prefix}feed_forward_${name}`, shape.intermediateSize, { useBias, ...options }, x);
  const inside = style.gated
    ? net.layer('Multiply', `${prefix}feed_forward_product`, {}, dense('gate', { activation }), dense('up', {}))
    : dense('up', { activation });
  return net.dense(`${prefix}feed_forward_down`, size, { useBias }, inside);
}
