/** The recurrent operators of ONNX, and weights in the order that they want. */
import { ndarray, transpose, type NdArray } from '../../core/array';
import type { OnnxCall } from '../conversion';
import type { Attribute } from '../model';
import { read } from '../value';
import { CELL_KINDS, type Cell } from './cells';
import type { Steps } from './scan';

/** Names that the operators have for activations, with the numbers that they need. */
const NAMES: Readonly<Record<string, readonly [name: string, alpha?: number, beta?: number]>> = {
  linear: ['Affine', 1, 0],
  relu: ['Relu'],
  tanh: ['Tanh'],
  sigmoid: ['Sigmoid'],
  hardSigmoid: ['HardSigmoid', 0.2, 0.5],
  softsign: ['Softsign'],
  softplus: ['Softplus'],
  elu: ['Elu', 1],
};

/** Undefined where an activation is none of the operators'. */
export function operatorAttributes({ className, config }: Cell): Record<string, Attribute> | undefined {
  const known = CELL_KINDS[className].activations.map(key => NAMES[String(config[key])]);
  if (known.some(entry => entry === undefined)) return undefined;
  const numbers = (i: 1 | 2): number[] => known.flatMap(entry => entry[i] ?? []);
  return {
    activations: { texts: known.map(([name]) => name) },
    activation_alpha: { floats: numbers(1) },
    activation_beta: { floats: numbers(2) },
  };
}

/** All steps of `cell` in one node. */
export function byOperator(
  call: OnnxCall,
  cell: Cell,
  backwards: boolean,
  states: readonly string[],
  activations: Record<string, Attribute>,
): Steps {
  const { graph, inputs } = call;
  const { op, states: count, order } = CELL_KINDS[cell.className];
  const [kernel, recurrent, bias] = cell.weights;
  const units = recurrent.shape[0];
  const weight = (key: string, make: () => NdArray): string => graph.weight(`${cell.prefix}${key}`, make);
  const names = [
    read(graph, inputs[0], [1, 0, 2]),
    weight('kernel', () => inGateOrder(kernel, order)),
    weight('recurrent', () => inGateOrder(recurrent, order)),
    bias ? weight('bias', () => biasInGateOrder(bias, order)) : '',
    '', // all steps count
    ...states.map(state => graph.node('Unsqueeze', [state, graph.ints([0])])),
  ];
  const attributes = { hidden_size: { int: units }, direction: { text: backwards ? 'reverse' : 'forward' }, ...activations }; // prettier-ignore
  const [sequence, ...last] = graph.nodes(op, names, count + 1, attributes);
  return {
    sequence: graph.node('Squeeze', [sequence, graph.ints([1])]),
    states: last.map(name => graph.node('Squeeze', [name, graph.ints([0])])),
  };
}

/** `[in, gates * units]` as `[1, gates * units, in]`. */
function inGateOrder(kernel: NdArray, order: readonly number[]): NdArray {
  const { shape, data } = transpose(kernel, [1, 0]);
  const rows = gateRows(data as Float32Array, order);
  return ndarray(rows, [1, ...shape]);
}

/** With zeros behind: ONNX adds a second bias. */
function biasInGateOrder({ data }: NdArray, order: readonly number[]): NdArray {
  const both = new Float32Array(2 * data.length);
  both.set(gateRows(data as Float32Array, order));
  return ndarray(both, [1, both.length]);
}

function gateRows(data: Float32Array, order: readonly number[]): Float32Array {
  const rows = new Float32Array(data.length);
  const size = data.length / order.length;
  order.forEach((gate, i) => rows.set(data.subarray(gate * size, (gate + 1) * size), i * size));
  return rows;
}
