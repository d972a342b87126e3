/** Activations, by the names that tf.js has for them, and as layers. */
import { transpose } from '../../core/array';
import type { Config } from '../../core/checkpoint';
import { fromStart } from '../../rules/rule';
import type { Builder } from '../builder';
import type { Conversion, OnnxCall } from '../conversion';
import { madeOrder, read, valueOf, type Order, type Value } from '../value';

/** What an activation makes of `x`; `axis` is where the last axis of tf.js lies. */
type Bend = (graph: Builder, x: string, axis: number) => string;

const op =
  (name: string, attributes = {}): Bend =>
  (graph, x) =>
    graph.node(name, [x], attributes);

const timesSelf =
  (inner: Bend): Bend =>
  (graph, x, axis) =>
    graph.node('Mul', [x, inner(graph, x, axis)]);

const hardSigmoid = op('HardSigmoid', { alpha: { float: 0.2 }, beta: { float: 0.5 } });
const softplus = op('Softplus');

/** Half of 1 plus `inner` of x. */
const share =
  (inner: Bend): Bend =>
  (graph, x, axis) =>
    graph.node('Mul', [graph.node('Add', [inner(graph, x, axis), graph.float(1)]), graph.float(0.5)]);

const scaledErf: Bend = (graph, x) => graph.node('Erf', [graph.node('Mul', [x, graph.float(Math.SQRT1_2)])]);

/** Of sqrt(2 / pi) (x + 0.044715 x^3). */
const cubicTanh: Bend = (graph, x) => {
  const cube = graph.node('Mul', [graph.node('Mul', [x, x]), x]);
  const sum = graph.node('Add', [x, graph.node('Mul', [cube, graph.float(0.044715)])]);
  return graph.node('Tanh', [graph.node('Mul', [sum, graph.float(Math.sqrt(2 / Math.PI))])]);
};

const BENDS: Readonly<Record<string, Bend>> = {
  linear: (_, x) => x,
  relu: op('Relu'),
  relu6: (graph, x) => graph.node('Clip', [x, graph.float(0), graph.float(6)]),
  elu: op('Elu', { alpha: { float: 1 } }),
  selu: op('Selu'),
  sigmoid: op('Sigmoid'),
  hardSigmoid,
  softplus,
  softsign: op('Softsign'),
  tanh: op('Tanh'),
  softmax: (graph, x, axis) => graph.node('Softmax', [x], { axis: { int: axis } }),
  logSoftmax: (graph, x, axis) => graph.node('LogSoftmax', [x], { axis: { int: axis } }),
  swish: timesSelf(op('Sigmoid')),
  mish: timesSelf((graph, x, axis) => graph.node('Tanh', [softplus(graph, x, axis)])),
  gelu: timesSelf(share(scaledErf)),
  gelu_new: timesSelf(share(cubicTanh)),
  geluNew: timesSelf(share(cubicTanh)),
};

/** `x`, stored in `order`, after the activation `name`. */
export function bend(
  { graph, refuse }: Pick<OnnxCall, 'graph' | 'refuse'>,
  x: string,
  order: Order,
  name: unknown,
): string {
  const word = String(name ?? 'linear');
  if (!Object.hasOwn(BENDS, word)) return refuse('an activation of tf.js', word);
  return BENDS[word](graph, x, order.indexOf(order.length - 1));
}

/** What the layer gives: `x` after the activation of its config. */
export function activated(call: OnnxCall, x: string, order: Order): Value {
  return valueOf(bend(call, x, order, call.config.activation), call.outputs[0], order);
}

/** A layer that does the same to every number, however they are stored. */
export function elementwise(
  className: string,
  of: (call: OnnxCall, x: string, order: Order) => string,
  keepsMask?: true,
): Conversion {
  return {
    className,
    keepsSizes: true,
    keepsMask,
    convert(call) {
      const [input] = call.inputs;
      const [{ name, order }] = input.stored;
      return valueOf(of(call, name, order), input.dims, order);
    },
  };
}

export const activation = elementwise('Activation', (call, x, order) => bend(call, x, order, call.config.activation), true); // prettier-ignore

export const softmax = elementwise('Softmax', ({ graph, config }, x, order) => {
  const axis = order.indexOf(fromStart(Number(config.axis ?? -1), order.length));
  return graph.node('Softmax', [x], { axis: { int: axis } });
});

export const relu = elementwise(
  'ReLU',
  ({ graph, config: { maxValue } }, x) =>
    maxValue == null ? graph.node('Relu', [x]) : graph.node('Clip', [x, graph.float(0), graph.float(Number(maxValue))]),
  true,
);

export const leakyRelu = elementwise('LeakyReLU', ({ graph, config }, x) =>
  graph.node('LeakyRelu', [x], alphaOf(config, 'alpha', 0.3)),
);

export const elu = elementwise('ELU', ({ graph }, x) => graph.node('Elu', [x], { alpha: { float: 1 } }));

export const thresholdedRelu = elementwise('ThresholdedReLU', ({ graph, config }, x) =>
  graph.node('ThresholdedRelu', [x], alphaOf(config, 'theta', 1)),
);

export const prelu: Conversion = {
  className: 'PReLU',
  keepsSizes: true,
  keepsMask: true,
  convert(call) {
    const { graph, weights, inputs } = call;
    const order = madeOrder(inputs[0]);
    const alpha = graph.weight(`alpha ${order.join('')}`, () => {
      const { shape, dtype, data } = weights[0];
      return transpose({ shape: [1, ...shape], dtype, data }, order);
    });
    const x = read(graph, inputs[0], order);
    return valueOf(graph.node('PRelu', [x, alpha]), inputs[0].dims, order);
  },
};

function alphaOf(config: Config, key: string, usual: number) {
  return { alpha: { float: Number(config[key] ?? usual) } };
}
