/** Recurrent layers. Weights of a cell: kernel `[..., in, gates x units]`, recurrent kernel `[..., units, gates x units]`, bias. */
import type { Config } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { shiftUnlessThroughZero } from './activation';
import {
  biasSite,
  concatWidths,
  elements,
  unitsAlong,
  type CallShapes,
  type CutCall,
  type Flow,
  type LayerCall,
  type LayerRule,
  type LocalSite,
  type Shape,
  type Traced,
  type Width,
} from './rule';
import { channelAxis, slide, windowOf } from './spatial';

const CELL_KEYS =
  'units activation recurrentActivation useBias unitForgetBias implementation dropout recurrentDropout resetAfter'.split(
    ' ',
  );
const LAYER_KEYS = 'returnSequences returnState goBackwards stateful unroll timeMajor'.split(' ');
const WINDOW_KEYS = 'filters kernelSize strides padding dataFormat dilationRate'.split(' ');

/** Gates and states by cell class. */
const CELLS: Readonly<Record<string, { readonly gates: number; readonly states: number }>> = {
  SimpleRNNCell: { gates: 1, states: 1 },
  GRUCell: { gates: 3, states: 1 },
  LSTMCell: { gates: 4, states: 2 },
};

interface CellSpec {
  readonly className: string;
  readonly config: Config;
}

export const simpleRnn = recurrent('SimpleRNN', config => [{ className: 'SimpleRNNCell', config }]);
export const gru = recurrent('GRU', config => [{ className: 'GRUCell', config }]);
export const lstm = recurrent('LSTM', config => [{ className: 'LSTMCell', config }]);

/** A cell or a stack of them; its config is there twice, as tf.js writes it. */
export const rnn: LayerRule = {
  ...recurrent('RNN', cellsOf),
  understands: [...CELL_KEYS, ...LAYER_KEYS, 'cell', 'cells'],
  resize({ config, weights }) {
    const cell = config.cell as CellSpec;
    const stacked = cell.className === 'StackedRNNCells';
    let at = 0;
    const cells = cellsOf(config).map(one => {
      const units = weights[at + 1][0];
      at += weightCount(one);
      return { ...one, config: { ...one.config, units } };
    });
    if (!stacked) return { cell: cells[0], units: cells[0].config.units };
    return { cells, cell: { ...cell, config: { ...cell.config, cells } } };
  },
};

export const convLstm2d: LayerRule = {
  className: 'ConvLSTM2D',
  understands: [...CELL_KEYS, ...LAYER_KEYS, ...WINDOW_KEYS],
  weights: 2,
  trace(call) {
    const [kernel, recurrentKernel] = call.weights;
    const { shape } = call.inputs[0];
    const axis = channelAxis(call.config, 4) + 1;
    const input = unitsAlong(call, axis);
    const out = call.fresh('filters', recurrentKernel[2], 'cells');
    const step: Shape = shape.filter((_, a) => a !== 1);
    const place = slide(step, windowOf(call.config, 2, kernel), axis - 1, out.length);
    const sites = cellSites(0, 2, input, out, LSTM_GATES, call.config.useBias);
    shiftUnlessThroughZero(call, out, String(call.config.activation ?? 'tanh'));
    return { outputs: outputsOf(call, out, [out, out], place, axis - 1), sites };
  },
  resize: ({ weights: [, recurrentKernel] }) => ({ filters: recurrentKernel[2] }),
  macs: ({ inputs, config, weights: [kernel, recurrentKernel] }) => {
    const step: Shape = inputs[0].filter((_, a) => a !== 1);
    const axis = channelAxis(config, 4);
    const places = elements(slide(step, windowOf(config, 2, kernel), axis, 1));
    return (inputs[0][1] ?? NaN) * places * (product(kernel) + product(recurrentKernel));
  },
};

const LSTM_GATES = CELLS.LSTMCell.gates;

function recurrent(className: string, cells: (config: Config) => readonly CellSpec[]): LayerRule {
  return {
    className,
    understands: [...CELL_KEYS, ...LAYER_KEYS],
    weights: 2,
    trace(call) {
      requireCells(call.path, cells(call.config));
      return traceCells(call, cells(call.config));
    },
    resize: ({ weights: [, recurrentKernel] }: CutCall) => ({ units: recurrentKernel[0] }),
    macs: ({ inputs, weights }: CallShapes) => {
      const kernels = weights.filter(shape => shape.length === 2);
      return (inputs[0][1] ?? NaN) * kernels.reduce((sum, shape) => sum + product(shape), 0);
    },
  };
}

/** Each cell reads the one before it; the states of the last come first. */
function traceCells(call: LayerCall, cells: readonly CellSpec[]): Traced {
  const { shape } = call.inputs[0];
  let input = unitsAlong(call, 2);
  let weight = 0;
  const sites: LocalSite[] = [];
  let states: Width[] = [];
  cells.forEach((cell, i) => {
    const { gates, states: count } = CELLS[cell.className];
    const out = call.fresh(`units ${i}`, call.weights[weight + 1][0], 'cells');
    sites.push(...cellSites(weight, 0, input, out, gates, cell.config.useBias));
    shiftUnlessThroughZero(call, out, String(cell.config.activation ?? 'tanh'));
    states = [...new Array<Width>(count).fill(out), ...states];
    weight += weightCount(cell);
    input = out;
  });
  return { outputs: outputsOf(call, input, states, [shape[0], input.length], 1), sites };
}

function cellSites(
  weight: number,
  axis: number,
  input: Width,
  out: Width,
  gates: number,
  useBias: unknown,
): LocalSite[] {
  const all = concatWidths(new Array<Width>(gates).fill(out));
  return [
    { weight, axis, width: input, role: 'reads', parameter: 'kernel' },
    { weight, axis: axis + 1, width: all, role: 'makes', parameter: 'kernel' },
    { weight: weight + 1, axis, width: out, role: 'reads', parameter: 'recurrentKernel' },
    { weight: weight + 1, axis: axis + 1, width: all, role: 'makes', parameter: 'recurrentKernel' },
    ...biasSite(useBias, weight + 2, all, 'makes'),
  ];
}

/** The sequence or its last step, then the states where they are returned; given initial states are the same units. */
function outputsOf(call: LayerCall, out: Width, states: readonly Width[], place: Shape, axis: number): Flow[] {
  const { config, inputs } = call;
  inputs.slice(1).forEach((given, i) => {
    if (given.axis === axis && states[i]) call.unify(states[i], given.width);
    else call.freeze(given.width, `it starts "${call.path}", whose states lie on another axis`);
  });
  const [batch, ...sizes] = place;
  const sequence = config.returnSequences === true;
  const shape = sequence ? [batch, inputs[0].shape[1], ...sizes] : place;
  const first: Flow = { shape, axis: sequence ? axis + 1 : axis, width: out };
  if (config.returnState !== true) return [first];
  const stateShape = (width: Width): Shape => place.map((size, a) => (a === axis ? width.length : size));
  return [first, ...states.map(width => ({ shape: stateShape(width), axis, width }))];
}

function cellsOf(config: Config): readonly CellSpec[] {
  const cell = config.cell as CellSpec;
  return cell.className === 'StackedRNNCells' ? (cell.config.cells as readonly CellSpec[]) : [cell];
}

function requireCells(path: string, cells: readonly CellSpec[]): void {
  const unknown = cells.find(({ className }) => CELLS[className] === undefined);
  if (unknown === undefined) return;
  throw new PruneError('no-rule', {
    place: `layer "${path}"`,
    expected: `cells of ${Object.keys(CELLS).join(', ')}`,
    got: unknown.className,
    cure: 'Replace the cell, or cut the model before it.',
  });
}

function weightCount({ config }: CellSpec): number {
  return config.useBias === false ? 2 : 3;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
