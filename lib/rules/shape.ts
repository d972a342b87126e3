/** Layers that move elements about without computing: units move with them. */
import { PruneError } from '../core/errors';
import { identity, moved } from './arithmetic';
import {
  always,
  coupleCalls,
  elements,
  numbersOf,
  type Flow,
  type LayerCall,
  type LayerRule,
  type Shape,
  type Width,
} from './rule';

export const flatten: LayerRule = {
  className: 'Flatten',
  understands: ['dataFormat'],
  trace(call) {
    const [flow] = call.inputs;
    const size = elements(flow.shape);
    if (Number.isNaN(size)) throw unknownSize(call, flow.shape);
    const width = unitOfEachElement(call.config.dataFormat === 'channelsFirst' ? channelsToLast(flow) : flow);
    return { outputs: [{ shape: [flow.shape[0], size], axis: 1, width }] };
  },
  arithmetic: moved(({ config, inputs: [{ shape, axis, width }] }) => {
    const flow = { shape, axis, width: width.map((_, position) => position) };
    return unitOfEachElement(config.dataFormat === 'channelsFirst' ? channelsToLast(flow) : flow);
  }),
};

/** The unit of every element of one example, in memory order. */
export function unitOfEachElement({ shape, axis, width }: Flow): Width {
  const sizes = shape.slice(1) as number[];
  const inner = sizes.slice(axis).reduce((product, size) => product * size, 1);
  const units = new Int32Array(sizes.reduce((product, size) => product * size, 1));
  for (let i = 0; i < units.length; i++) units[i] = width[Math.floor(i / inner) % width.length];
  return units;
}

/** tf.js moves axis 1 to the end before it flattens channelsFirst data. */
function channelsToLast({ shape, axis, width }: Flow): Flow {
  const rank = shape.length;
  if (rank < 3) return { shape, axis, width };
  const order = [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
  return { shape: order.map(a => shape[a]), axis: order.indexOf(axis), width };
}

export const permute: LayerRule = {
  className: 'Permute',
  understands: ['dims'],
  turns: always,
  trace(call) {
    const { shape, axis, width } = call.inputs[0];
    const order = [0, ...numbersOf(call.config, 'dims', shape.length - 1, 1)];
    return { outputs: [{ shape: order.map(from => shape[from]), axis: order.indexOf(axis), width }] };
  },
  arithmetic: identity,
};

export const repeatVector: LayerRule = {
  className: 'RepeatVector',
  understands: ['n'],
  trace(call) {
    const { shape, axis, width } = call.inputs[0];
    const [batch, ...sizes] = shape;
    return { outputs: [{ shape: [batch, Number(call.config.n), ...sizes], axis: axis + 1, width }] };
  },
  arithmetic: identity,
};

/** An axis that was cut down to one position cannot be told from one that always was; tf.js does not mind the entry. */
const UNIT_AXIS = 'unitAxis';

/**
 * Sizes are split into the smallest runs that hold the same elements before and after (`[8, 6, 4]` to `[48, 2, 2]`: 8, 6
 * to 48; 4 to 2, 2). Only the run with the units matters; the new axis is one along which they can be told apart, or the
 * last of the run, along which they are then made to agree.
 */
export const reshape: LayerRule = {
  className: 'Reshape',
  understands: ['targetShape', UNIT_AXIS],
  turns: always,
  trace(call) {
    const [flow] = call.inputs;
    const shape = reshaped(call, flow.shape);
    const run = runOf(flow, shape);
    if (run === undefined) return { outputs: [scattered(call, flow, shape)] };
    const units = unitOfEachElement({
      shape: [null, ...run.before],
      axis: flow.axis - run.start + 1,
      width: flow.width,
    });
    const [offset, width] = gridAxis(call, units, run);
    return { outputs: [{ shape, axis: run.newStart + offset, width: coupleCalls(call, width, `to ${width.length}`) }] };
  },
  resize({ config, outputs: [{ axis, kept }] }) {
    const target = config.targetShape as readonly (number | null)[];
    const isCut = (size: number | null, i: number): boolean => i + 1 === axis && size !== null && size >= 0;
    const targetShape = target.map((size, i) => (isCut(size, i) ? kept.length : size));
    return kept.length === 1 ? { targetShape, [UNIT_AXIS]: axis } : { targetShape };
  },
};

function reshaped(call: LayerCall, shape: Shape): Shape {
  const target = (call.config.targetShape as readonly (number | null)[]).map(size =>
    Number(size ?? -1) < 0 ? null : size,
  );
  const known = target.reduce<number>((product, size) => product * (size ?? 1), 1);
  const size = elements(shape);
  if (Number.isNaN(size)) return [shape[0], ...target];
  return [shape[0], ...target.map(length => length ?? size / known)];
}

interface Run {
  /** First axis of the run before and after. */
  readonly start: number;
  readonly newStart: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The run that holds the unit axis; undefined where an unknown size hides it. */
function runOf({ shape, axis }: Flow, target: Shape): Run | undefined {
  let [start, newStart] = [1, 1];
  while (start < shape.length) {
    let [end, newEnd] = [start + 1, newStart + 1];
    let [size, newSize]: Sizes = [shape[start], target[newStart]];
    // Equal unknown sizes at the same place are the same axis: the known ones would not match up otherwise.
    while (size !== newSize) {
      if (size == null || newSize == null) return undefined;
      if (size < newSize) size = times(size, shape[end++]);
      else newSize = times(newSize, target[newEnd++]);
    }
    // Sizes of one may follow the last.
    if (end === shape.length) newEnd = target.length;
    if (newEnd === target.length) end = shape.length;
    if (axis < end) {
      const [before, after] = [shape.slice(start, end), target.slice(newStart, newEnd)];
      if ([...before, ...after].includes(null)) return undefined;
      return { start, newStart, before: before as number[], after: after as number[] };
    }
    [start, newStart] = [end, newEnd];
  }
  return undefined;
}

type Sizes = [number | null | undefined, number | null | undefined];

function times(size: number, next: number | null | undefined): number | undefined {
  return next == null ? undefined : size * next;
}

/** An axis of the grid that alone tells the units apart; where there is none the last is made to. */
function gridAxis(call: LayerCall, units: Width, { after: sizes, newStart }: Run): [number, Width] {
  const axes = [...sizes.keys()].reverse();
  const settled = Number(call.config[UNIT_AXIS] ?? NaN) - newStart;
  if (axes.includes(settled)) return [settled, call.unify(...linesAlong(units, sizes, settled))];
  for (const axis of axes.filter(axis => sizes[axis] > 1)) {
    const lines = linesAlong(units, sizes, axis);
    if (lines.every(line => line.every((unit, i) => unit === lines[0][i]))) return [axis, lines[0]];
  }
  return [axes[0], call.unify(...linesAlong(units, sizes, axes[0]))];
}

/** The grid cut into lines that run along `axis`. */
function linesAlong(units: Width, sizes: readonly number[], axis: number): Width[] {
  const inner = sizes.slice(axis + 1).reduce((product, size) => product * size, 1);
  const length = sizes[axis];
  return Array.from({ length: units.length / length }, (_, line) => {
    const first = Math.floor(line / inner) * inner * length + (line % inner);
    return Int32Array.from({ length }, (_, i) => units[first + i * inner]);
  });
}

function scattered(call: LayerCall, { width, shape }: Flow, target: Shape): Flow {
  call.freeze(width, `"${call.path}" reshapes [${shape.slice(1).join(', ')}], where sizes are not known`);
  const axis = target.length - 1;
  const fresh = call.fresh('reshaped', target[axis] ?? 0, 'features');
  call.freeze(fresh, `"${call.path}" reshapes [${shape.slice(1).join(', ')}], where sizes are not known`);
  return { shape: target, axis, width: fresh };
}

function unknownSize(call: LayerCall, shape: Shape): PruneError {
  return new PruneError('bad-model', {
    place: `layer "${call.path}"`,
    expected: 'an input whose sizes are all known',
    got: `[${shape.join(', ')}]`,
    cure: 'Fix the input shape of the model.',
  });
}
