/** Normalizations of tf.js, and arithmetic with constants. */
import { ndarray, sizeOf, type NdArray } from '../../core/array';
import { fromStart } from '../../rules/rule';
import type { Conversion, OnnxCall } from '../conversion';
import { inPlace, lastKept, madeOrder, positionsIn, read, valueOf, type Order } from '../value';
import { elementwise } from './activation';

export const batchNormalization: Conversion = {
  className: 'BatchNormalization',
  keepsSizes: true,
  keepsMask: true,
  convert(call) {
    const { graph, config, inputs } = call;
    const order = madeOrder(inputs[0]);
    const x = read(graph, inputs[0], order);
    const axis = order.indexOf(fromStart(Number(config.axis ?? -1), order.length));
    const name = axis === 1 ? normalised(call, x) : scaled(call, x, axis, order.length);
    return valueOf(name, inputs[0].dims, order);
  },
};

/** gamma, beta, mean and variance. */
function partsOf({ config: { scale, center }, weights }: OnnxCall): readonly NdArray[] {
  const [variance, mean] = [...weights].reverse();
  const given = weights.slice(0, -2);
  const gamma = scale === false ? filled(mean.shape, 1) : given[0];
  const beta = center === false ? filled(mean.shape, 0) : given[given.length - 1];
  return [gamma, beta, mean, variance];
}

function filled(shape: readonly number[], value: number): NdArray {
  return ndarray(new Float32Array(sizeOf(shape)).fill(value), shape);
}

function epsilonOf({ config }: OnnxCall): number {
  return Number(config.epsilon ?? 1e-3);
}

function normalised(call: OnnxCall, x: string): string {
  const parts = partsOf(call);
  const names = ['gamma', 'beta', 'mean', 'variance'].map((key, i) => call.graph.weight(key, () => parts[i]));
  return call.graph.node('BatchNormalization', [x, ...names], { epsilon: { float: epsilonOf(call) } });
}

/** ONNX has the channels of a BatchNormalization on axis 1 only. */
function scaled(call: OnnxCall, x: string, axis: number, rank: number): string {
  const { graph } = call;
  const [gamma, beta, mean, variance] = partsOf(call).map(({ data }) => data);
  const shape = new Array<number>(rank).fill(1);
  shape[axis] = gamma.length;
  const factor = (i: number): number => gamma[i] / Math.sqrt(variance[i] + epsilonOf(call));
  const array = (of: (i: number) => number): NdArray =>
    ndarray(Float32Array.from({ length: gamma.length }, (_, i) => of(i)), shape); // prettier-ignore
  const scale = graph.weight(`scale ${shape.join('x')}`, () => array(factor));
  const shift = graph.weight(`shift ${shape.join('x')}`, () => array(i => beta[i] - mean[i] * factor(i)));
  return graph.node('Add', [graph.node('Mul', [x, scale]), shift]);
}

export const layerNormalization: Conversion = {
  className: 'LayerNormalization',
  keepsSizes: true,
  keepsMask: true,
  convert(call) {
    const { config, inputs } = call;
    const rank = inputs[0].dims.length;
    const axes = [config.axis ?? -1].flat().map(axis => fromStart(Number(axis), rank)).sort(); // prettier-ignore
    const isTail = axes.every((axis, i) => axis === rank - axes.length + i);
    const order = !isTail ? madeOrder(inputs[0]) : axes.length === 1 ? lastKept(inputs[0]) : inPlace(rank);
    return valueOf(isTail ? alongTail(call, axes, order) : alongAxes(call, axes, order), inputs[0].dims, order);
  },
};

/** gamma and beta, each of the shape of `axes`. */
function affine({ config: { scale, center }, weights }: OnnxCall, shape: readonly number[]): readonly NdArray[] {
  const held = weights.map(({ data }) => ndarray(data, shape));
  const gamma = scale === false ? filled(shape, 1) : held.shift()!;
  return [gamma, center === false ? filled(shape, 0) : held.shift()!];
}

function alongTail(call: OnnxCall, axes: readonly number[], order: Order): string {
  const { graph, inputs } = call;
  const parts = affine(call, axes.map(axis => Number(inputs[0].dims[axis]))); // prettier-ignore
  const names = ['gamma', 'beta'].map((key, i) => graph.weight(key, () => parts[i]));
  const attributes = { axis: { int: axes[0] }, epsilon: { float: epsilonOf(call) } };
  return graph.node('LayerNormalization', [read(graph, inputs[0], order), ...names], attributes);
}

function alongAxes(call: OnnxCall, axes: readonly number[], order: Order): string {
  const { graph, inputs } = call;
  const x = read(graph, inputs[0], order);
  const reduced = { axes: { ints: positionsIn(order, axes) }, keepdims: { int: 1 } };
  const centred = graph.node('Sub', [x, graph.node('ReduceMean', [x], reduced)]);
  const variance = graph.node('ReduceMean', [graph.node('Mul', [centred, centred])], reduced);
  const deviation = graph.node('Sqrt', [graph.node('Add', [variance, graph.float(epsilonOf(call))])]);
  const parts = affine(call, axes.map(axis => Number(inputs[0].dims[axis]))); // prettier-ignore
  // One axis only, as tf.js has it: what is spread over others lies along it.
  const shape = order.map(axis => (axes.includes(axis) ? Number(inputs[0].dims[axis]) : 1));
  const [gamma, beta] = ['gamma', 'beta'].map((key, i) =>
    graph.weight(`${key} ${shape.join('x')}`, () => ndarray(parts[i].data, shape)),
  );
  return graph.node('Add', [graph.node('Mul', [graph.node('Div', [centred, deviation]), gamma]), beta]);
}

export const rescaling = elementwise('Rescaling', ({ graph, config: { scale, offset } }, x) =>
  graph.node('Add', [graph.node('Mul', [x, graph.float(Number(scale ?? 1))]), graph.float(Number(offset ?? 0))]),
);
