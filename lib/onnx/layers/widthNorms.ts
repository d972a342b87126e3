/** The norms of this library, which divide by the width there was at first. */
import { LAYER_NORM, RMS_NORM } from '../../rules/widthNorms';
import type { Conversion, OnnxCall } from '../conversion';
import type { Attribute } from '../model';
import { lastKept, read, valueOf } from '../value';

const LAST: Record<string, Attribute> = { keepdims: { int: 1 } };

export const rmsNorm = norm(RMS_NORM, (call, x, gamma) => {
  const { graph } = call;
  const square = graph.node('Pow', [x, graph.float(2)]);
  return graph.node('Mul', [graph.node('Div', [x, deviation(call, meanOf(call, square))]), gamma]);
});

export const layerNorm = norm(LAYER_NORM, (call, x, gamma, beta) => {
  const { graph } = call;
  const missing = missingOf(call);
  if (missing === 0) {
    const attributes = { axis: { int: -1 }, epsilon: { float: epsilonOf(call) } };
    return graph.node('LayerNormalization', [x, gamma, beta], attributes);
  }
  const mean = meanOf(call, x);
  const centred = graph.node('Sub', [x, mean]);
  const squares = meanOf(call, graph.node('Mul', [centred, centred]));
  // Each number that is gone is a zero, as far from the mean as the mean is from zero.
  const share = graph.float(missing / widthOf(call));
  const variance = graph.node('Add', [squares, graph.node('Mul', [graph.node('Mul', [mean, mean]), share])]);
  const scaled = graph.node('Mul', [graph.node('Div', [centred, deviation(call, variance)]), gamma]);
  return graph.node('Add', [scaled, beta]);
});

function norm(
  className: string,
  of: (call: OnnxCall, x: string, ...parameters: readonly string[]) => string,
): Conversion {
  return {
    className,
    keepsSizes: true,
    convert(call) {
      const { graph, weights, inputs } = call;
      const order = lastKept(inputs[0]);
      const names = ['gamma', 'beta'].slice(0, weights.length).map((key, i) => graph.weight(key, () => weights[i]));
      return valueOf(of(call, read(graph, inputs[0], order), ...names), inputs[0].dims, order);
    },
  };
}

/** Sum over the last axis, divided by the width there was. */
function meanOf(call: OnnxCall, x: string): string {
  const { graph } = call;
  if (missingOf(call) === 0) return graph.node('ReduceMean', [x], { axes: { ints: [-1] }, ...LAST });
  return graph.node('Mul', [graph.node('ReduceSum', [x, graph.ints([-1])], LAST), graph.float(1 / widthOf(call))]);
}

function deviation(call: OnnxCall, meanSquare: string): string {
  const { graph } = call;
  return graph.node('Sqrt', [graph.node('Add', [meanSquare, graph.float(epsilonOf(call))])]);
}

function widthOf({ config, weights: [gamma] }: OnnxCall): number {
  return Number(config.width ?? gamma.data.length);
}

function missingOf(call: OnnxCall): number {
  return widthOf(call) - call.weights[0].data.length;
}

function epsilonOf({ config }: OnnxCall): number {
  return Number(config.epsilon ?? 1e-5);
}
