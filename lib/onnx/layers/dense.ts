/** Dense. */
import { ndarray, transpose, type NdArray } from '../../core/array';
import type { Conversion, OnnxCall } from '../conversion';
import { channelsFirst, inPlace, lastKept, madeOrder, read, sameOrder, type Value } from '../value';
import { activated } from './activation';
import { biasName } from './convolution';

export const dense: Conversion = {
  className: 'Dense',
  keepsSizes: true,
  keepsMask: true,
  convert(call) {
    const [input] = call.inputs;
    const rank = input.dims.length;
    if (rank === 2) return onRows(call);
    const images = rank <= 5 && sameOrder(madeOrder(input), channelsFirst(rank));
    return images ? onImages(call) : onLastAxis(call);
  },
};

function onRows(call: OnnxCall): Value {
  const names = weightNames(call, 'kernel', kernel => kernel);
  return activated(call, call.graph.node('Gemm', [read(call.graph, call.inputs[0]), ...names]), inPlace(2));
}

/** Where the channels lie in front a convolution of one tap is the same, and they may stay there. */
function onImages(call: OnnxCall): Value {
  const { graph, inputs } = call;
  const rank = inputs[0].dims.length;
  const order = channelsFirst(rank);
  const names = weightNames(call, `taps ${rank}`, kernel => {
    const { shape, data } = transpose(kernel, [1, 0]);
    return ndarray(data, [...shape, ...new Array<number>(rank - 2).fill(1)]);
  });
  return activated(call, graph.node('Conv', [read(graph, inputs[0], order), ...names]), order);
}

function onLastAxis(call: OnnxCall): Value {
  const { graph, inputs } = call;
  const order = lastKept(inputs[0]);
  const [kernel, ...bias] = weightNames(call, 'kernel', array => array);
  const product = graph.node('MatMul', [read(graph, inputs[0], order), kernel]);
  return activated(call, bias.length > 0 ? graph.node('Add', [product, bias[0]]) : product, order);
}

function weightNames(call: OnnxCall, key: string, turned: (kernel: NdArray) => NdArray): readonly string[] {
  const [kernel, bias] = call.weights;
  return [call.graph.weight(key, () => turned(kernel)), ...biasName(call, bias)];
}
