/** Scaled dot-product attention without weights: what its heads, or their dimensions, tie together in the layers around it. */
import type { Config } from '../core/checkpoint';
import { pairsOf, type Rotary } from './rotary';
import { elements, repeatEach, unitsAlong, type CutFlow, type LayerCall, type LayerRule, type Width } from './rule';

export const ATTENTION = 'PruneAttention';

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

/** Query head h hears the key and value head floor(h / queriesPerHead): neighbours share one, in the output as well. */
function wholeHeads(call: LayerCall, [queries, keys, values]: readonly Width[]): Width {
  const { heads, kvHeads } = settingsOf(call.config);
  const units = call.fresh('heads', kvHeads, 'heads');
  call.regard(units, 'heads');
  const spread = (width: Width): Width => call.unify(repeatEach(units, width.length / kvHeads), width);
  for (const width of [queries, keys, values]) spread(width);
  return repeatEach(units, (heads / kvHeads) * (values.length / kvHeads));
}

/** The same dimension of every head goes with the others, so that all heads keep one size. */
function dimensions(call: LayerCall, [queries, keys, values]: readonly Width[]): Width {
  const { heads, kvHeads, rotary } = settingsOf(call.config);
  const [size, valueSize] = [queries.length / heads, values.length / kvHeads];
  const asked = call.fresh('query dimensions', rotary ? size / 2 : size, 'query dimensions');
  const told = call.fresh('value dimensions', valueSize, 'value dimensions');
  call.regard(asked, 'query dimensions');
  call.regard(told, 'value dimensions');
  const pairs = pairsOf(size, rotary).map(pair => asked[pair]);
  call.readBare(call.unify(tiled(pairs, heads), queries));
  call.readBare(call.unify(tiled(pairs, kvHeads), keys));
  call.unify(tiled(told, kvHeads), values);
  return tiled(told, heads);
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
