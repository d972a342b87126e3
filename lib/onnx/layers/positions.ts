/** Learned positions, a token in front, the choice of the first, and a table that is used at both ends. */
import { gather } from '../../core/array';
import { CLASS_TOKEN, FIRST_TOKEN, POSITION_EMBEDDING } from '../../rules/positions';
import { TIED_EMBEDDING } from '../../rules/tiedEmbedding';
import type { Conversion, OnnxCall } from '../conversion';
import { read, sizeOfAxis, valueOf } from '../value';
import { indices } from './embedding';

export const positionEmbedding: Conversion = {
  className: POSITION_EMBEDDING,
  keepsSizes: true,
  convert(call) {
    const { graph, inputs, outputs } = call;
    return valueOf(graph.node('Add', [read(graph, inputs[0]), vectors(call)]), outputs[0]);
  },
};

/** Of the places that there are, `[time, width]`. */
function vectors({ graph, weights: [table], inputs: [input] }: OnnxCall): string {
  const time = input.dims[1];
  if (typeof time === 'number') return graph.weight(`${time} positions`, () => gather(table, 0, [...Array(time).keys()])); // prettier-ignore
  const all = graph.weight('positions', () => table);
  return graph.node('Slice', [all, graph.ints([0]), sizeOfAxis(graph, input, 1), graph.ints([0])]);
}

export const classToken: Conversion = {
  className: CLASS_TOKEN,
  convert({ graph, weights, inputs: [input], outputs }) {
    const token = graph.weight('token', () => weights[0]);
    const shape = graph.node('Concat', [sizeOfAxis(graph, input, 0), graph.ints(weights[0].shape.slice(1))], { axis: { int: 0 } }); // prettier-ignore
    const tokens = graph.node('Expand', [token, shape]);
    return valueOf(graph.node('Concat', [tokens, read(graph, input)], { axis: { int: 1 } }), outputs[0]);
  },
};

export const firstToken: Conversion = {
  className: FIRST_TOKEN,
  convert: ({ graph, inputs: [input], outputs }) =>
    valueOf(graph.node('Gather', [read(graph, input), graph.ints([0], [])], { axis: { int: 1 } }), outputs[0]),
};

export const tiedEmbedding: Conversion = {
  className: TIED_EMBEDDING,
  integers: true,
  keepsSizes: true,
  convert(call) {
    const { graph, weights, inputs, outputs } = call;
    const [table, bias] = weights;
    const name = graph.weight('table', () => table);
    if (inputs[0].dims.length === 2) return valueOf(graph.node('Gather', [name, indices(call)], { axis: { int: 0 } }), outputs[0]); // prettier-ignore
    // Runtimes turn a constant when they load it; the file holds the table once.
    const turned = graph.node('Transpose', [name], { perm: { ints: [1, 0] } });
    const logits = graph.node('MatMul', [read(graph, inputs[0]), turned]);
    const shifted = bias ? graph.node('Add', [logits, graph.weight('bias', () => bias)]) : logits;
    return valueOf(shifted, outputs[0]);
  },
};
