/** Cells of recurrent layers: what one of them does in a step, and the operator of ONNX that does all steps. */
import type { NdArray } from '../../core/array';
import type { Config } from '../../core/checkpoint';
import type { Refuse } from '../../core/json';
import type { Builder } from '../builder';
import { inPlace } from '../value';
import { bend } from './activation';

export interface Cell {
  readonly className: string;
  readonly config: Config;
  /** Kernel and recurrent kernel `[in, gates * units]`, and a bias. */
  readonly weights: readonly NdArray[];
  /** In front of the names of its weights. */
  readonly prefix: string;
}

export interface CellKind {
  readonly gates: number;
  readonly states: number;
  readonly op: string;
  /** Which of tf.js's gates is each of ONNX's. */
  readonly order: readonly number[];
  /** The keys of its activations as ONNX has them in a row. */
  readonly activations: readonly string[];
  /** The states after a step; the first of them is what the cell gives. */
  step(step: Step): readonly string[];
}

/** One step, its numbers as `[batch, ...]`. */
export interface Step {
  readonly graph: Builder;
  readonly states: readonly string[];
  /** What the gates add up to from the input, and from `state` where it is not the first of the states. */
  fromInput(): readonly string[];
  fromState(state?: string): readonly string[];
  /** After the activation, or the recurrent one. */
  act(x: string): string;
  gate(x: string): string;
}

const GATED = ['recurrentActivation', 'activation'];

export const CELL_KINDS: Readonly<Record<string, CellKind>> = {
  SimpleRNNCell: { gates: 1, states: 1, op: 'RNN', order: [0], activations: ['activation'], step: simpleStep },
  GRUCell: { gates: 3, states: 1, op: 'GRU', order: [0, 1, 2], activations: GATED, step: gruStep },
  // Input, forget, cell and output in tf.js; input, output, forget and cell in ONNX.
  LSTMCell: { gates: 4, states: 2, op: 'LSTM', order: [0, 3, 1, 2], activations: [...GATED, 'activation'], step: lstmStep }, // prettier-ignore
};

function simpleStep({ graph, fromInput, fromState, act }: Step): readonly string[] {
  return [act(graph.node('Add', [fromInput()[0], fromState()[0]]))];
}

function gruStep({ graph, states: [h], fromInput, fromState, act, gate }: Step): readonly string[] {
  const [inUpdate, inReset, inNew] = fromInput();
  const [update, reset] = fromState();
  const z = gate(graph.node('Add', [inUpdate, update]));
  const r = gate(graph.node('Add', [inReset, reset]));
  const [, , remembered] = fromState(graph.node('Mul', [r, h]));
  const fresh = act(graph.node('Add', [inNew, remembered]));
  return [graph.node('Add', [fresh, graph.node('Mul', [z, graph.node('Sub', [h, fresh])])])];
}

export function lstmStep({ graph, states: [, c], fromInput, fromState, act, gate }: Step): readonly string[] {
  const held = fromState();
  const [i, f, fresh, o] = fromInput().map((sum, part) => graph.node('Add', [sum, held[part]]));
  const kept = graph.node('Mul', [gate(f), c]);
  const cell = graph.node('Add', [kept, graph.node('Mul', [gate(i), act(fresh)])]);
  return [graph.node('Mul', [gate(o), act(cell)]), cell];
}

/** A step of `cell` on rows `x`. */
export function rowStep(
  graph: Builder,
  cell: Cell,
  x: string,
  states: readonly string[],
  refuse: Refuse,
): readonly string[] {
  const { gates, step } = CELL_KINDS[cell.className];
  const [kernel, recurrent, ...bias] = cell.weights.map((array, i) => graph.weight(`${cell.prefix}${i}`, () => array));
  const parts = (sum: string): readonly string[] => (gates === 1 ? [sum] : graph.nodes('Split', [sum], gates, { axis: { int: 1 } })); // prettier-ignore
  return step({
    graph,
    states,
    fromInput: () => parts(graph.node('Gemm', [x, kernel, ...bias])),
    fromState: (state = states[0]) => parts(graph.node('MatMul', [state, recurrent])),
    ...activations(graph, cell.config, 2, refuse),
  });
}

/** The activations of a cell whose numbers have `rank` axes, as tf.js has them. */
export function activations(graph: Builder, config: Config, rank: number, refuse: Refuse): Pick<Step, 'act' | 'gate'> {
  const after = (key: string, usual: string) => (x: string): string =>
    bend({ graph, refuse }, x, inPlace(rank), config[key] ?? usual); // prettier-ignore
  return { act: after('activation', 'tanh'), gate: after('recurrentActivation', 'hardSigmoid') };
}
