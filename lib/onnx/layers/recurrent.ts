/** Recurrent layers: the operators of ONNX where they do the same, else a scan over the steps of the cells. */
import type { NdArray } from '../../core/array';
import type { Config } from '../../core/checkpoint';
import type { Attribute } from '../model';
import type { Conversion, OnnxCall } from '../conversion';
import { requireSettings } from '../table';
import { read, sizeOfAxis, valueOf, type Value } from '../value';
import { CELL_KINDS, rowStep, type Cell } from './cells';
import { byOperator, operatorAttributes } from './operators';
import { scan, type Steps } from './scan';

export const simpleRnn = recurrent('SimpleRNN');
export const gru = recurrent('GRU');
export const lstm = recurrent('LSTM');
/** A cell or a stack of them. */
export const rnn = recurrent('RNN');

export const bidirectional: Conversion = {
  className: 'Bidirectional',
  keepsSizes: true,
  convert(call) {
    const { config, weights, inputs } = call;
    const { className, config: held } = config.layer as { className: string; config: Config };
    requireSettings(className, held, call.refuse);
    const [half, states] = [weights.length / 2, inputs.slice(1)];
    const [forward, backward] = [0, 1].map(i => {
      const backwards = (held.goBackwards === true) !== (i === 1);
      const given = states.slice((i * states.length) / 2, ((i + 1) * states.length) / 2);
      const cells = cellsOf(
        call,
        className,
        held,
        weights.slice(i * half, (i + 1) * half),
        ['forward ', 'backward '][i],
      );
      return run(call, { cells, backwards, flipped: held.goBackwards === true, config: held, given });
    });
    const merged = mergeDirections(call, forward.result, backward.result);
    const results = merged.map((name, i) => resultValue(call, held, name, i));
    const all = held.returnState === true ? [...forward.states, ...backward.states] : [];
    return [...results, ...all.map((name, i) => valueOf(name, call.outputs[results.length + i]))];
  },
};

function recurrent(className: string): Conversion {
  return {
    className,
    keepsSizes: true,
    convert(call) {
      const { config, weights, inputs } = call;
      const backwards = config.goBackwards === true;
      const cells = cellsOf(call, className, config, weights, '');
      const { result, states } = run(call, { cells, backwards, flipped: backwards, config, given: inputs.slice(1) });
      const all = config.returnState === true ? states : [];
      return [resultValue(call, config, result, 0), ...all.map((name, i) => valueOf(name, call.outputs[i + 1]))];
    },
  };
}

function resultValue(
  { inputs: [{ mask }], outputs }: OnnxCall,
  { returnSequences }: Config,
  name: string,
  i: number,
): Value {
  return returnSequences === true ? { ...valueOf(name, outputs[i], [1, 0, 2]), mask } : valueOf(name, outputs[i]);
}

interface Run {
  readonly cells: readonly Cell[];
  readonly backwards: boolean;
  /** Whether a sequence comes out in the other order than that of time. */
  readonly flipped: boolean;
  readonly config: Config;
  /** States to begin with. */
  readonly given: readonly Value[];
}

interface Ran {
  /** The sequence, time first, or the last of it. */
  readonly result: string;
  readonly states: readonly string[];
}

function run(call: OnnxCall, { cells, backwards, flipped, config, given }: Run): Ran {
  const { graph, refuse, inputs } = call;
  if (config.stateful === true) refuse('no states that are kept from batch to batch', 'stateful');
  requireMask(call);
  const states = given.map(value => read(graph, value));
  const attributes = cells.length === 1 && inputs[0].mask === undefined ? operatorAttributes(cells[0]) : undefined;
  const ran = attributes ? byOperator(call, cells[0], backwards, states, attributes) : byScan(call, cells, backwards, states); // prettier-ignore
  if (config.returnSequences !== true) return { ...ran, result: ran.states[0] };
  return flipped ? { ...ran, result: reversed(call, ran.sequence) } : { ...ran, result: ran.sequence };
}

/** In tf.js a mask that comes to some layer comes to all later ones that have none of their own. */
function requireMask({ inputs: [{ mask }], masked, refuse }: OnnxCall): void {
  if (mask === '') refuse('steps that count to be told by one layer', 'several');
  if (masked && mask === undefined) refuse('steps that count to be told, as elsewhere in the model', 'none that are', 'Give every recurrent layer a mask, or none.'); // prettier-ignore
}

function byScan(call: OnnxCall, cells: readonly Cell[], backwards: boolean, given: readonly string[]): Steps {
  const { graph, inputs, refuse } = call;
  const [input] = inputs;
  const x = read(graph, input, [1, 0, 2]);
  const states = given.length > 0 ? given : [...cells].reverse().flatMap(cell => zerosFor(call, cell));
  return scan(graph, {
    states,
    sequences: [x],
    backwards,
    mask: input.mask && timeFirst(call, input.mask),
    step(inside, [row], held) {
      let [from, left] = [row, held];
      let made: readonly string[] = [];
      for (const cell of cells) {
        const count = CELL_KINDS[cell.className].states;
        const own = left.slice(left.length - count); // those of the last cell come first
        left = left.slice(0, left.length - count);
        const after = rowStep(inside, cell, from, own, refuse);
        made = [...after, ...made];
        from = after[0];
      }
      return made;
    },
  });
}

/** `[batch, time]` as `[time, batch, 1]`. */
function timeFirst({ graph }: OnnxCall, mask: string): string {
  return graph.node('Unsqueeze', [graph.node('Transpose', [mask], { perm: { ints: [1, 0] } }), graph.ints([2])]);
}

function zerosFor(call: OnnxCall, { className, weights }: Cell): string[] {
  const zeros = zeroState(call, [weights[1].shape[0]]);
  return new Array<string>(CELL_KINDS[className].states).fill(zeros);
}

/** `[batch, ...sizes]`. */
export function zeroState({ graph, inputs: [input] }: OnnxCall, sizes: readonly number[]): string {
  const shape = graph.node('Concat', [sizeOfAxis(graph, input, 0), graph.ints(sizes)], { axis: { int: 0 } });
  return graph.node('Expand', [graph.float(0), shape]);
}

/** A sequence, time first, from its end. */
export function reversed({ graph }: OnnxCall, sequence: string): string {
  const [last, beforeFirst, axis, step] = [-1, -(2 ** 31), 0, -1].map(value => graph.ints([value]));
  return graph.node('Slice', [sequence, last, beforeFirst, axis, step]);
}

const MERGES: Readonly<Record<string, readonly [string, Record<string, Attribute>?]>> = {
  concat: ['Concat', { axis: { int: -1 } }],
  sum: ['Add'],
  mul: ['Mul'],
  ave: ['Mean'],
};

function mergeDirections({ graph, config }: OnnxCall, forward: string, backward: string): readonly string[] {
  if (config.mergeMode == null) return [forward, backward];
  const [op, attributes] = MERGES[config.mergeMode as string];
  return [graph.node(op, [forward, backward], attributes)];
}

function cellsOf(
  { refuse }: OnnxCall,
  className: string,
  config: Config,
  weights: readonly NdArray[],
  prefix: string,
): readonly Cell[] {
  const specs = className === 'RNN' ? specsOf(config) : [{ className: `${className}Cell`, config }];
  let at = 0;
  return specs.map((spec, i) => {
    if (!CELL_KINDS[spec.className]) refuse('cells of tf.js', spec.className);
    if (spec.config.resetAfter === true) refuse('gates that reset before the product', 'resetAfter');
    const count = spec.config.useBias === false ? 2 : 3;
    const own = weights.slice(at, (at += count));
    return { ...spec, weights: own, prefix: specs.length > 1 ? `${prefix}cell ${i} ` : prefix };
  });
}

type Spec = Pick<Cell, 'className' | 'config'>;

function specsOf(config: Config): readonly Spec[] {
  const cell = config.cell as Spec;
  return cell.className === 'StackedRNNCells' ? (cell.config.cells as readonly Spec[]) : [cell];
}
