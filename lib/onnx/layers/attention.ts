/** Scaled dot-product attention with grouped queries, masks and rotary embeddings. */
import { ndarray } from '../../core/array';
import { ATTENTION, causalBiases, SILENCED } from '../../rules/attention';
import { rotaryTable, type Rotary } from '../../rules/rotary';
import type { Builder } from '../builder';
import type { Conversion, OnnxCall } from '../conversion';
import { cast, placesOf, read, valueOf, type Value } from '../value';

export const attention: Conversion = {
  className: ATTENTION,
  keepsSizes: true,
  convert(call) {
    const { graph, config, inputs, outputs } = call;
    const [queries, keys, values, mask] = inputs;
    const [heads, groups] = [Number(config.heads), Number(config.kvHeads)];
    const width = (value: Value, count: number): number => Number(value.dims[2]) / count;
    const size = width(queries, heads);
    // `[batch, groups, queries of a group, time, size]`; without groups one axis less.
    const shares = heads === groups ? [groups] : [groups, heads / groups];
    const alone = heads === groups ? [groups] : [groups, 1];
    const rotary = config.rotary as Rotary | null | undefined;
    const turn = (x: string, value: Value): string => (rotary ? turned(graph, x, value, rotary) : x);
    const asked = turn(split(call, queries, shares, size), queries);
    const told = turn(split(call, keys, alone, size), keys);
    const scaled = graph.node('Mul', [asked, graph.float(Number(config.scale ?? 1 / Math.sqrt(size)))]);
    const rank = shares.length + 3;
    const product = graph.node('MatMul', [scaled, graph.node('Transpose', [told], { perm: { ints: swapped(rank) } })]);
    const biases = [config.causal === true && causalBias(graph, queries), mask && paddingBias(graph, mask, rank)];
    const scores = biases.reduce<string>((sum, bias) => (bias ? graph.node('Add', [sum, bias]) : sum), product);
    const heard = graph.node('Softmax', [scores], { axis: { int: rank - 1 } });
    const valueSize = width(values, groups);
    return valueOf(joined(call, graph.node('MatMul', [heard, split(call, values, alone, valueSize)]), rank, heads * valueSize), outputs[0]); // prettier-ignore
  },
};

/** `[batch, time, width]` as `[batch, ...heads, time, size]`. */
function split({ graph }: OnnxCall, value: Value, heads: readonly number[], size: number): string {
  const apart = graph.node('Reshape', [read(graph, value), graph.ints([0, 0, ...heads, size])]);
  const perm = [0, ...heads.map((_, i) => i + 2), 1, heads.length + 2];
  return graph.node('Transpose', [apart], { perm: { ints: perm } });
}

/** `[batch, ...heads, time, size]` as `[batch, time, width]`. */
function joined({ graph }: OnnxCall, mixed: string, rank: number, width: number): string {
  const heads = Array.from({ length: rank - 3 }, (_, i) => i + 1);
  const back = graph.node('Transpose', [mixed], { perm: { ints: [0, rank - 2, ...heads, rank - 1] } });
  return graph.node('Reshape', [back, graph.ints([0, 0, width])]);
}

/** The last two axes the other way round. */
function swapped(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
}

/**
 * `x [..., time, size]` with each pair turned by its angle. Pairs come out as halves, also those that lay side by side: queries and keys do
 * alike, and their products do not tell.
 */
function turned(graph: Builder, x: string, value: Value, rotary: Rotary): string {
  const [cos, sin] = ['Cos', 'Sin'].map(op => turns(graph, value, rotary, op));
  const [a, b] = rotary.layout === 'half' ? graph.nodes('Split', [x], 2, { axis: { int: -1 } }) : [0, 1].map(first => everyOther(graph, x, first)); // prettier-ignore
  const times = (part: string, factor: string): string => graph.node('Mul', [part, factor]);
  const parts = [graph.node('Sub', [times(a, cos), times(b, sin)]), graph.node('Add', [times(b, cos), times(a, sin)])];
  return graph.node('Concat', parts, { axis: { int: -1 } });
}

function everyOther(graph: Builder, x: string, first: number): string {
  const [start, end, axis, step] = [first, 2 ** 31 - 1, -1, 2].map(number => graph.ints([number]));
  return graph.node('Slice', [x, start, end, axis, step]);
}

/** Cosines or sines of the angles at each place, `[time, pairs]`. */
function turns(graph: Builder, value: Value, { frequencies }: Rotary, op: string): string {
  const time = value.dims[1];
  return graph.once(`${op} ${time} ${frequencies.join()}`, () =>
    typeof time === 'number'
      ? graph.weight(`${op.toLowerCase()} ${time}`, () => {
          const values = rotaryTable(frequencies, { time, of: op === 'Cos' ? Math.cos : Math.sin });
          return ndarray(values, [time, frequencies.length]);
        })
      : graph.node(op, [openAngles(graph, value, frequencies)]),
  );
}

/** Whole turns are taken off in double precision: at a late place single precision would lose the angle. */
function openAngles(graph: Builder, value: Value, frequencies: readonly number[]): string {
  return graph.once(`angles ${value.dims[1]} ${frequencies.join()}`, () => {
    const places = cast(graph, placesOf(graph, value, 1), 'float64');
    const column = graph.node('Unsqueeze', [places, graph.ints([1])]);
    const perPlace = graph.doubles(frequencies.map(frequency => frequency / (2 * Math.PI)));
    const rounds = graph.node('Mul', [column, perPlace]);
    const rest = graph.node('Sub', [rounds, graph.node('Floor', [rounds])]);
    return graph.node('Mul', [cast(graph, rest, 'float32'), graph.float(2 * Math.PI)]);
  });
}

/** `[time, time]`: no place hears a later one. */
function causalBias(graph: Builder, queries: Value): string {
  const time = queries.dims[1];
  return graph.once(`causal ${time}`, () => {
    if (typeof time === 'number') {
      return graph.weight(`causal ${time}`, () => ndarray(causalBiases(time), [time, time]));
    }
    const places = placesOf(graph, queries, 1);
    const [column, row] = [1, 0].map(axis => graph.node('Unsqueeze', [places, graph.ints([axis])]));
    return graph.node('Where', [graph.node('Greater', [row, column]), graph.float(SILENCED), graph.float(0)]);
  });
}

/** From 1 for places that count and 0 for padding, `[batch, time]`, what to add to scores of `rank`. */
function paddingBias(graph: Builder, mask: Value, rank: number): string {
  const counts = read(graph, mask);
  return graph.once(`padding ${counts} ${rank}`, () => {
    const missing = graph.node('Sub', [graph.float(1), counts]);
    const bias = graph.node('Mul', [missing, graph.float(SILENCED)]);
    return graph.node('Unsqueeze', [bias, graph.ints(Array.from({ length: rank - 2 }, (_, i) => i + 1))]);
  });
}
