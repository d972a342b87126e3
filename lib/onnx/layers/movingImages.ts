/** ConvLSTM2D: an LSTM whose products are convolutions. */
import type { Conversion, OnnxCall } from '../conversion';
import type { Attribute } from '../model';
import { read, valueOf, type Order } from '../value';
import { activations, lstmStep } from './cells';
import { biasName, convolving, outFirst } from './convolution';
import { reversed, zeroState } from './recurrent';
import { scan } from './scan';
import { imageAxes, imageOrder } from './windows';

export const convLstm2d: Conversion = {
  className: 'ConvLSTM2D',
  keepsSizes: true,
  convert(call) {
    const { graph, config, inputs, refuse } = call;
    if (call.masked) refuse('steps that all count', 'a model in which some are left out');
    if (config.stateful === true) refuse('no states that are kept from batch to batch', 'stateful');
    const order = imageOrder(config, 4);
    const given = inputs.slice(1).map(state => read(graph, state, order));
    const { sequence, states } = scan(graph, {
      states: given.length > 0 ? given : new Array<string>(2).fill(zeroState(call, stateSizes(call, order))),
      sequences: [read(graph, inputs[0], timeFirst(order))],
      backwards: config.goBackwards === true,
      step: stepOf(call),
    });
    return results(call, order, sequence, states);
  },
};

/** Of `[batch, time, ...]` where one step lies in `order`. */
function timeFirst(order: Order): Order {
  return [1, 0, ...order.slice(1).map(axis => axis + 1)];
}

function results(call: OnnxCall, order: Order, sequence: string, states: readonly string[]) {
  const { config, outputs } = call;
  const all = config.returnState === true ? states : [];
  const ends = all.map((name, i) => valueOf(name, outputs[i + 1], order));
  if (config.returnSequences !== true) return [valueOf(states[0], outputs[0], order), ...ends];
  const given = config.goBackwards === true ? reversed(call, sequence) : sequence;
  return [valueOf(given, outputs[0], timeFirst(order)), ...ends];
}

/** Sizes of a state, without the batch, in `order`. */
function stateSizes({ config, outputs, refuse }: OnnxCall, order: Order): number[] {
  const step = outputs[0].filter((_, axis) => axis !== 1 || config.returnSequences !== true);
  return order.slice(1).map(axis => {
    const size = step[axis];
    return typeof size === 'number' ? size : refuse('images of known size', size);
  });
}

/** All gates in one convolution each. */
function stepOf({ config, weights, inputs, refuse }: OnnxCall) {
  const [kernel, recurrent, bias] = weights;
  const sizes = imageAxes(config, 4).map(axis => inputs[0].dims[axis + 1]);
  const input = convolving(sizes, config, kernel.shape);
  const again = convolving(sizes, { padding: 'same' }, recurrent.shape);
  const split: Record<string, Attribute> = { axis: { int: 1 } };
  return (...[graph, [row], states]: Parameters<Parameters<typeof scan>[1]['step']>): readonly string[] => {
    const names = [graph.weight('kernel', () => outFirst(kernel)), ...biasName({ graph }, bias)];
    const own = graph.weight('recurrent', () => outFirst(recurrent));
    return lstmStep({
      graph,
      states,
      fromInput: () => graph.nodes('Split', [graph.node('Conv', [row, ...names], input)], 4, split),
      fromState: () => graph.nodes('Split', [graph.node('Conv', [states[0], own], again)], 4, split),
      ...activations(graph, config, 4, refuse),
    });
  };
}
