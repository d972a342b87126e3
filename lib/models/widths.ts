/** The widths of a model of ours, read from the model itself, whatever was cut from it. */
import type { NdArray } from '../core/array';
import { leaves, type Checkpoint, type Config, type LayerSpec } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { rotaryFrequencies, type Rotary } from '../rules/rotary';
import { prefixOf } from './block';
import type { LayerShape } from './layerShape';

/** A checkpoint by layer names. */
export interface Reading {
  readonly has: (layer: string) => boolean;
  readonly spec: (layer: string) => LayerSpec;
  readonly weight: (layer: string, weight: number) => NdArray;
  /** Size of a weight along an axis. */
  readonly size: (layer: string, weight: number, axis: number) => number;
  readonly refuse: (layer: string, expected: string, got: string) => never;
}

export function reading(place: string, { topology, weights }: Checkpoint): Reading {
  const specs = new Map(leaves(topology).map(({ path, spec }) => [path, spec]));
  const refuse: Reading['refuse'] = (layer, expected, got) => {
    const cure =
      'Save models of loadLlama, loadBert and loadVit, with adapters merged and wrappers taken off; others with saveLayersModel.';
    throw new PruneError('bad-model', { place: `${place}, layer "${layer}"`, expected, got, cure });
  };
  const spec = (layer: string): LayerSpec => specs.get(layer) ?? refuse(layer, 'to be there', 'none');
  const weight = (layer: string, number: number): NdArray =>
    weights.get(layer)?.[number] ?? refuse(layer, `at least ${number + 1} weights`, spec(layer).className);
  const has = (layer: string): boolean => specs.has(layer);
  return { has, spec, weight, refuse, size: (layer, number, axis) => weight(layer, number).shape[axis] };
}

/** Numbers of the transformer layers that are left, ascending. */
export function numbersOf({ topology }: Checkpoint): readonly number[] {
  const numbers = leaves(topology).flatMap(({ path }) => /^layers_(\d+)_/.exec(path)?.[1] ?? []);
  return [...new Set(numbers.map(Number))].sort((a, b) => a - b);
}

/** `theta` is that of the rotary embedding, where there is one. */
export function shapeOf(model: Reading, number: number, theta?: number): LayerShape {
  const prefix = prefixOf(number);
  const down = `${prefix}feed_forward_down`;
  const intermediateSize = model.has(down) ? model.size(down, 0, 0) : 0;
  const attention = `${prefix}attention`;
  if (!model.has(attention)) {
    return { heads: 0, keyValueHeads: 0, headSize: 0, valueSize: 0, originalHeadSize: 0, intermediateSize };
  }
  const { config } = model.spec(attention);
  const [heads, keyValueHeads] = [Number(config.heads), Number(config.kvHeads)];
  const headSize = model.size(`${attention}_query`, 0, 1) / heads;
  const valueSize = model.size(`${attention}_value`, 0, 1) / keyValueHeads;
  const originalHeadSize = scaledBy(model, attention, config);
  const rotaryPairs = theta === undefined ? undefined : pairsLeft(model, attention, originalHeadSize, theta);
  const sizes = { headSize, valueSize, originalHeadSize, ...(rotaryPairs && { rotaryPairs }) };
  return { heads, keyValueHeads, ...sizes, intermediateSize };
}

/** The head size whose root the scores are divided by. */
function scaledBy({ refuse }: Reading, layer: string, { scale }: Config): number {
  const size = Math.round(1 / Number(scale) ** 2);
  const exact = Math.abs(Number(scale) * Math.sqrt(size) - 1) < 1e-6;
  return exact ? size : refuse(layer, 'a scale of 1 / sqrt of a whole number', String(scale));
}

/** Which rotary pairs are left, undefined for all. */
function pairsLeft(model: Reading, layer: string, size: number, theta: number): readonly number[] | undefined {
  const { frequencies } = model.spec(layer).config.rotary as Rotary;
  const all = rotaryFrequencies(size, theta);
  const pairs = frequencies.map(frequency => all.findIndex(one => Math.abs(one / frequency - 1) < 1e-6));
  if (pairs.includes(-1)) model.refuse(layer, `rotary frequencies of base ${theta}`, frequencies.join(', '));
  return pairs.length === all.length ? undefined : pairs;
}
