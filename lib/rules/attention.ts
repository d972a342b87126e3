/** Scaled dot-product attention without weights: what its heads, or their dimensions, tie together in the layers around it. */
import type { Config } from '../core/checkpoint';
import { pairsOf, type Rotary } from './rotary';
import {
  elements,
  repeatEach,
  unitsAlong,
  type CutFlow,
  type Kind,
  type LayerCall,
  type LayerRule,
  type Width,
} from './rule';
import { PruneError } from '../core/errors';

export const ATTENTION = 'PruneAttention';

/** What is added to the score of a place that must not be heard: large enough to leave nothing, and finite. */
export const SILENCED = -1e9;

/** What is added to scores `[time, start + time]`: query i, at place `start + i`, hears no later place. */
export function causalBiases(time: number, start = 0): Float32Array {
  const heard = start + time;
  const isLater = (i: number): boolean => i % heard > start + Math.floor(i / heard);
  return Float32Array.from({ length: time * heard }, (_, i) => (isLater(i) ? SILENCED : 0));
}

/**
 * What of an attention layer are units. heads: a key and value head with every query head that hears it. dimensions: one
 * dimension of the values in every head, and one dimension of queries and keys (with rotary a pair that turns together).
 */
export type AttentionUnits = 'heads' | 'dimensions';
export const ATTENTION_UNITS: readonly AttentionUnits[] = ['heads', 'dimensions'];

export const attention: LayerRule = {
  className: ATTENTION,
  understands: ['heads', 'kvHeads', 'causal', 'scale', 'rotary', 'units'],
  trace(call) {
    const [{ shape }, , , mask] = call.inputs;
    const axis = shape.length - 1;
    const widths = [0, 1, 2].map(index => unitsAlong(call, axis, index));
    requireHeads(call, widths);
    if (mask) call.freeze(mask.width, `"${call.path}" is told by them which places count`);
    const width = call.config.units === 'dimensions' ? dimensions(call, widths) : wholeHeads(call, widths);
    return { outputs: [{ shape: [...shape.slice(0, -1), width.length], axis, width }] };
  },
  resize({ config, inputs: [queries] }) {
    const { heads, kvHeads, rotary } = settingsOf(config);
    const size = queries.shape[queries.axis]! / heads;
    const left = queries.kept.length;
    if (config.units !== 'dimensions') return { heads: left / size, kvHeads: left / size / (heads / kvHeads) };
    return rotary === undefined ? {} : { rotary: { ...rotary, frequencies: keptFrequencies(queries, size, rotary) } };
  },
  macs: ({ inputs: [queries, keys], outputs: [out] }) => (elements(queries) + elements(out)) * (keys[1] ?? NaN),
};

interface Settings {
  readonly heads: number;
  readonly kvHeads: number;
  readonly rotary?: Rotary;
}

function settingsOf({ heads, kvHeads, rotary }: Config): Settings {
  return { heads: Number(heads), kvHeads: Number(kvHeads), rotary: (rotary ?? undefined) as Rotary | undefined };
}

function requireHeads({ path, config }: LayerCall, widths: readonly Width[]): void {
  const { heads, kvHeads } = settingsOf(config);
  const [queries, keys, values] = widths.map(({ length }) => length);
  const whole = [heads / kvHeads, queries / heads, values / kvHeads].every(Number.isInteger);
  if (whole && queries / heads === keys / kvHeads) return;
  throw new PruneError('bad-model', {
    place: `layer "${path}"`,
    expected: `queries of ${heads} heads, keys of the same size and values of ${kvHeads}`,
    got: `widths ${queries}, ${keys} and ${values}`,
    cure: 'The topology is damaged; save the model again.',
  });
}

/** Query head h hears the key and value head floor(h / queriesPerHead): neighbours share one, in the output as well. */
function wholeHeads(call: LayerCall, widths: readonly Width[]): Width {
  const { heads, kvHeads } = settingsOf(call.config);
  const [queries, , values] = widths;
  const units = unitsOf(call, 'heads', every(queries, queries.length / kvHeads));
  for (const width of widths) call.unify(repeatEach(units, width.length / kvHeads), width);
  return repeatEach(units, (heads / kvHeads) * (values.length / kvHeads));
}

/** The same dimension of every head goes with the others, so that all heads keep one size. */
function dimensions(call: LayerCall, [queries, keys, values]: readonly Width[]): Width {
  const { heads, kvHeads, rotary } = settingsOf(call.config);
  const size = queries.length / heads;
  const pairs = pairsOf(size, rotary);
  const asked = unitsOf(call, 'query dimensions', queries.slice(0, size).filter((_, d) => pairs.indexOf(pairs[d]) === d)); // prettier-ignore
  const told = unitsOf(call, 'value dimensions', values.slice(0, values.length / kvHeads));
  const paired = pairs.map(pair => asked[pair]);
  call.readBare(call.unify(tiled(paired, heads), queries));
  call.readBare(call.unify(tiled(paired, kvHeads), keys));
  call.unify(tiled(told, kvHeads), values);
  return tiled(told, heads);
}

/** What `first` holds is of this kind, and every call of the layer has the same. */
function unitsOf(call: LayerCall, kind: Kind, first: Width): Width {
  call.regard(first, kind);
  return call.unify(first, call.fresh(kind, first.length, kind));
}

function every(width: Width, step: number): Width {
  return width.filter((_, position) => position % step === 0);
}

function tiled(width: Width, times: number): Width {
  return Int32Array.from({ length: width.length * times }, (_, i) => width[i % width.length]);
}

/** Of the pairs whose dimensions the first head keeps. */
function keptFrequencies({ kept }: CutFlow, size: number, rotary: Rotary): number[] {
  const pairs = pairsOf(size, rotary);
  const left = new Set(kept.filter(position => position < size).map(position => pairs[position]));
  return rotary.frequencies.filter((_, pair) => left.has(pair));
}
