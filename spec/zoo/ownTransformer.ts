/** Transformers made of the library's own layers and stock ones: what is in one decides a recipe. */
import * as layers from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import {
  attention,
  classToken,
  firstToken,
  layerNorm,
  positionEmbedding,
  rmsNorm,
  tiedEmbedding,
  type AttentionUnits,
  type RotaryLayout,
} from 'tfjs-prune';
import { LoraDense } from '../../lib/layers/loraDense';
import { apply, model, type Flow } from './parts';

export interface Recipe {
  readonly blocks: number;
  readonly dimensions: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly size: number;
  readonly neurons: number;
  /** stock: that of tf.js. */
  readonly norm: 'rms' | 'layer' | 'stock';
  /** Before each part, or behind its sum. */
  readonly place: 'pre' | 'post';
  readonly gated: boolean;
  readonly tied: boolean;
  /** Learned positions where there is none. */
  readonly rotary?: RotaryLayout;
  readonly units?: AttentionUnits;
  readonly causal: boolean;
  readonly time: number | null;
  readonly padding?: boolean;
  readonly bias?: boolean;
}

/** All that random recipes may turn on or off alike. */
export const SWITCHES = {
  place: fc.constantFrom('pre' as const, 'post' as const),
  gated: fc.boolean(),
  tied: fc.boolean(),
  rotary: fc.constantFrom('half' as const, 'interleaved' as const, undefined),
  units: fc.constantFrom('heads' as const, 'dimensions' as const),
  causal: fc.boolean(),
  padding: fc.boolean(),
  bias: fc.boolean(),
};

export const VOCABULARY = 11;

const SMALL: Recipe = {
  blocks: 2,
  dimensions: 8,
  heads: 4,
  kvHeads: 2,
  size: 4,
  neurons: 6,
  norm: 'rms',
  place: 'pre',
  gated: true,
  tied: true,
  rotary: 'half',
  causal: true,
  time: 5,
};

/** Tokens (and where the recipe says so a padding mask) in, logits out. */
export function ownTransformer(changes: Partial<Recipe> = {}): layers.LayersModel {
  const recipe = { ...SMALL, ...changes };
  const { dimensions, tied, time, place } = recipe;
  const tokens = layers.input({ shape: [time], dtype: 'int32', name: 'tokens' });
  const padding = recipe.padding ? layers.input({ shape: [time], dtype: 'int32', name: 'padding' }) : undefined;
  const embed = tied
    ? tiedEmbedding({ name: 'embed', inputDim: VOCABULARY, outputDim: dimensions })
    : layers.layers.embedding({ name: 'embed', inputDim: VOCABULARY, outputDim: dimensions });
  let stream = apply(tokens, embed);
  if (!recipe.rotary) stream = apply(stream, positionEmbedding({ name: 'positions', maxLength: 12 }));
  if (place === 'post') stream = apply(stream, normOf(recipe, 'norm'));
  for (let i = 0; i < recipe.blocks; i++) stream = block(stream, padding, recipe, `block${i}`);
  if (place === 'pre') stream = apply(stream, normOf(recipe, 'norm'));
  const logits = apply(stream, tied ? embed : layers.layers.dense({ name: 'head', units: VOCABULARY, useBias: false }));
  return model(padding ? [tokens, padding] : tokens, logits);
}

/** Patches by a convolution, a class token, one block of attention, and a head on the token. */
export function visionTransformer(): layers.LayersModel {
  const image = layers.input({ shape: [6, 6, 2], name: 'image' });
  const patches = layers.layers.conv2d({ name: 'patches', filters: 8, kernelSize: 3, strides: 3 });
  const row = layers.layers.reshape({ name: 'row', targetShape: [4, 8] });
  let stream = apply(image, patches, row, classToken({ name: 'token' }));
  stream = apply(stream, positionEmbedding({ name: 'positions', maxLength: 5 }));
  const recipe: Recipe = { ...SMALL, norm: 'layer', gated: false, causal: false, rotary: undefined, bias: true };
  stream = block(stream, undefined, recipe, 'block0');
  const chosen = apply(stream, normOf(recipe, 'norm'), firstToken({ name: 'first' }));
  return model(image, apply(chosen, layers.layers.dense({ name: 'head', units: 3 })));
}

export function block(stream: Flow, padding: Flow | undefined, recipe: Recipe, name: string): Flow {
  const part = (norm: string, of: (x: Flow) => Flow, sum: string): Flow => {
    const { place } = recipe;
    const own = (): layers.layers.Layer => normOf(recipe, `${name}_${norm}`);
    const added = apply([stream, of(place === 'pre' ? apply(stream, own()) : stream)], layers.layers.add({ name: `${name}_${sum}` })); // prettier-ignore
    return place === 'pre' ? added : apply(added, own());
  };
  stream = part('norm1', x => heard(x, padding, recipe, name), 'add1');
  return part('norm2', x => thought(x, recipe, name), 'add2');
}

function heard(x: Flow, padding: Flow | undefined, recipe: Recipe, name: string): Flow {
  const { heads, kvHeads, size, dimensions, causal, rotary, units, bias: useBias = false } = recipe;
  const dense = (part: string, width: number) => apply(x, layers.layers.dense({ name: `${name}_${part}`, units: width, useBias })); // prettier-ignore
  const parts = [dense('q', heads * size), dense('k', kvHeads * size), dense('v', kvHeads * size)];
  const turning = rotary && { layout: rotary, base: 100 };
  const core = attention({ name: `${name}_attention`, heads, kvHeads, causal, units, rotary: turning });
  const mixed = apply(padding ? [...parts, padding] : parts, core);
  return apply(mixed, layers.layers.dense({ name: `${name}_o`, units: dimensions, useBias }));
}

function thought(x: Flow, { neurons, dimensions, gated, bias: useBias = false }: Recipe, name: string): Flow {
  const dense = (part: string, activation?: 'swish' | 'gelu') =>
    apply(x, layers.layers.dense({ name: `${name}_${part}`, units: neurons, activation: activation, useBias }));
  const inside = gated
    ? apply([dense('gate', 'swish'), dense('up')], layers.layers.multiply({ name: `${name}_product` }))
    : dense('up', 'gelu');
  return apply(inside, layers.layers.dense({ name: `${name}_down`, units: dimensions, useBias }));
}

function normOf({ norm }: Recipe, name: string): layers.layers.Layer {
  if (norm === 'stock') return layers.layers.layerNormalization({ name });
  return norm === 'rms' ? rmsNorm({ name }) : layerNorm({ name });
}

/** A Dense layer with a correction beside its kernel. */
function adapted(): layers.LayersModel {
  const x = layers.input({ shape: [4], name: 'x' });
  const inside = new LoraDense({ name: 'inside', units: 6, activation: 'relu', rank: 2, scale: 2 });
  return model(x, apply(x, inside, layers.layers.dense({ name: 'head', units: 3 })));
}

export const transformers = {
  llama: () => ownTransformer({ blocks: 1 }),
  headDimensions: () => ownTransformer({ blocks: 1, units: 'dimensions', rotary: 'interleaved', tied: false }),
  bert: () => ownTransformer({ blocks: 1, kvHeads: 4, norm: 'layer', place: 'post', gated: false, tied: false, rotary: undefined, causal: false, padding: true, bias: true }), // prettier-ignore
  vision: visionTransformer,
  adapted,
};
