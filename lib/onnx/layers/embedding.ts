/** Layers whose inputs are whole numbers, and those that leave out steps. */
import type { Builder } from '../builder';
import type { Conversion, OnnxCall } from '../conversion';
import { asFloats, cast, read, valueOf, type Value } from '../value';

export const embedding: Conversion = {
  className: 'Embedding',
  integers: true,
  keepsSizes: true,
  convert(call) {
    const { graph, config, weights, inputs, outputs } = call;
    const table = graph.weight('table', () => weights[0]);
    const value = valueOf(graph.node('Gather', [table, indices(call)], { axis: { int: 0 } }), outputs[0]);
    if (config.maskZero !== true) return value;
    return { ...value, mask: differsFrom(graph, read(graph, asFloats(graph, inputs[0])), 0) };
  },
};

/** The first input as whole numbers; tf.js cuts off what is behind the point, too. */
export function indices({ graph, inputs: [input] }: OnnxCall): string {
  const x = read(graph, input);
  return input.type === 'int32' ? x : graph.once(`int32 ${x}`, () => cast(graph, x, 'int32'));
}

/** How each category is told: a row in which it is 1, or in which all of an example are counted. */
const REDUCED: Readonly<Record<string, string>> = { multiHot: 'ReduceMax', oneHot: 'ReduceMax', count: 'ReduceSum' };

export const categoryEncoding: Conversion = {
  className: 'CategoryEncoding',
  integers: true,
  convert(call) {
    const { graph, config, inputs, outputs, refuse } = call;
    const op =
      REDUCED[String(config.outputMode)] ?? refuse('outputMode multiHot, oneHot or count', String(config.outputMode));
    if (inputs[0].dims.length !== 2) refuse('rows of numbers', `${inputs[0].dims.length} axes`);
    const numbers = cast(graph, indices(call), 'int64');
    const spread = graph.node('OneHot', [numbers, graph.ints([Number(config.numTokens)]), graph.floats([0, 1])]);
    const reduced =
      op === 'ReduceSum'
        ? graph.node(op, [spread, graph.ints([1])], { keepdims: { int: 0 } })
        : graph.node(op, [spread], { axes: { ints: [1] }, keepdims: { int: 0 } });
    return valueOf(reduced, outputs[0]);
  },
};

export const masking: Conversion = {
  className: 'Masking',
  keepsSizes: true,
  convert({ graph, config, inputs: [input], outputs }): Value {
    const x = read(graph, input);
    const differs = differsFrom(graph, x, Number(config.maskValue ?? 0));
    const last = { axes: { ints: [-1] }, keepdims: { int: 1 } };
    const counts = graph.node('ReduceMax', [differs], last);
    const mask = input.dims.length === 3 ? graph.node('Squeeze', [counts, graph.ints([2])]) : '';
    return { ...valueOf(graph.node('Mul', [x, counts]), outputs[0]), mask };
  },
};

/** 1 where `x` is not `value`, else 0. */
function differsFrom(graph: Builder, x: string, value: number): string {
  const same = graph.node('Equal', [x, graph.float(value)]);
  return cast(graph, graph.node('Not', [same]), 'float32');
}
