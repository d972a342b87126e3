/** Layers with several inputs. */
import { fromStart } from '../../rules/rule';
import type { Builder } from '../builder';
import type { Conversion, OnnxCall } from '../conversion';
import { inPlace, madeOrder, read, sameOrder, valueOf, type Order, type Value } from '../value';

export const add = merging('Add', inTurns('Add'));
export const multiply = merging('Multiply', inTurns('Mul'));
export const average = merging('Average', atOnce('Mean'));
export const maximum = merging('Maximum', atOnce('Max'));
export const minimum = merging('Minimum', atOnce('Min'));

type Merge = (graph: Builder, names: readonly string[]) => string;

function inTurns(op: string): Merge {
  return (graph, [first, ...others]) => others.reduce((sum, name) => graph.node(op, [sum, name]), first);
}

function atOnce(op: string): Merge {
  return (graph, names) => graph.node(op, names);
}

function merging(className: string, merge: Merge): Conversion {
  return {
    className,
    keepsSizes: true,
    convert({ graph, inputs, outputs }) {
      const rank = outputs[0].length;
      const expanded = inputs.map(input => withRank(graph, input, rank));
      const order = commonOrder(inputs.filter(({ dims }) => dims.length === rank));
      const names = expanded.map(value => read(graph, value, order));
      return withMask(inputs, valueOf(merge(graph, names), outputs[0], order));
    },
  };
}

/** tf.js puts the missing axes right behind the batch. */
function withRank(graph: Builder, value: Value, rank: number): Value {
  const missing = rank - value.dims.length;
  if (missing === 0) return value;
  const axes = Array.from({ length: missing }, (_, i) => i + 1);
  const [batch, ...sizes] = value.dims;
  const name = graph.node('Unsqueeze', [read(graph, value), graph.ints(axes)]);
  return valueOf(name, [batch, ...axes.map(() => 1), ...sizes]);
}

/** As tf.js has them, unless one of them was made in another order. */
function commonOrder(values: readonly Value[]): Order {
  const orders = values.map(madeOrder);
  const usual = inPlace(orders[0].length);
  return orders.find(order => !sameOrder(order, usual)) ?? usual;
}

export const concatenate: Conversion = {
  className: 'Concatenate',
  convert({ graph, config, inputs, outputs }) {
    const order = commonOrder(inputs);
    const axis = order.indexOf(fromStart(Number(config.axis ?? -1), order.length));
    const names = inputs.map(input => read(graph, input, order));
    return withMask(inputs, valueOf(graph.node('Concat', names, { axis: { int: axis } }), outputs[0], order));
  },
};

/** Which steps count cannot be told where several masks meet. */
function withMask(inputs: readonly Value[], value: Value): Value {
  return inputs.some(({ mask }) => mask !== undefined) ? { ...value, mask: '' } : value;
}

/** A matrix product per example, in which a row stands for a matrix of one. */
export const dot: Conversion = {
  className: 'Dot',
  convert(call) {
    const { graph, inputs, config } = call;
    const [left, right = left] = [config.axes].flat().map(Number);
    const [a, b] = [matrix(call, 0, left, 2), matrix(call, 1, right, 1)];
    const product = graph.node('MatMul', [a, b]);
    const [rowA, rowB] = inputs.map(({ dims }) => dims.length === 2);
    // A row of a matrix of one; both together leave one number.
    const axes = rowA ? [1] : rowB ? [2] : [];
    const name = axes.length > 0 ? graph.node('Squeeze', [product, graph.ints(axes)]) : product;
    return valueOf(name, call.outputs[0]);
  },
};

/** Input `index` as `[batch, ...]` with what is summed over on axis `along`. */
function matrix({ graph, config, inputs }: OnnxCall, index: number, axis: number, along: 1 | 2): string {
  const input = inputs[index];
  const rank = input.dims.length;
  const summed = fromStart(axis, rank);
  const x = read(graph, input);
  const scaled = config.normalize === true ? ofLengthOne(graph, x, summed) : x;
  if (rank === 2) return graph.node('Unsqueeze', [scaled, graph.ints([3 - along])]);
  return summed === along ? scaled : graph.node('Transpose', [scaled], { perm: { ints: [0, 2, 1] } });
}

/** Divided by the root of the sum of squares, which tf.js takes as no less than its epsilon. */
function ofLengthOne(graph: Builder, x: string, axis: number): string {
  const sum = graph.node('ReduceSum', [graph.node('Mul', [x, x]), graph.ints([axis])], { keepdims: { int: 1 } });
  return graph.node('Div', [x, graph.node('Sqrt', [graph.node('Max', [sum, graph.float(1e-7)])])]);
}
