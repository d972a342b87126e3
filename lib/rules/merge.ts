/** Layers with several inputs: elementwise merges couple units, Concatenate joins them, Dot sums over them. */
import type { Arithmetic } from './arithmetic';
import { adding, averaging, highest, joining, lowest, multiplying } from './merging';
import {
  always,
  concatWidths,
  elements,
  fromStart,
  type Flow,
  type LayerCall,
  type LayerRule,
  type Shape,
  type Traced,
} from './rule';

export const add: LayerRule = { ...elementwise('Add', adding), turns: always };
export const multiply = elementwise('Multiply', multiplying);
export const average = elementwise('Average', averaging);
export const maximum = elementwise('Maximum', highest);
export const minimum = elementwise('Minimum', lowest);

export const concatenate: LayerRule = {
  className: 'Concatenate',
  understands: ['axis'],
  arithmetic: joining,
  trace(call) {
    const [first] = call.inputs;
    const joined = fromStart(Number(call.config.axis ?? -1), first.shape.length);
    const shape = first.shape.map((size, a) => (a === joined ? total(call.inputs.map(({ shape }) => shape[a])) : size));
    if (call.inputs.some(({ axis }) => axis !== first.axis)) return { outputs: [frozenMix(call, shape, first.axis)] };
    const widths = call.inputs.map(({ width }) => width);
    const width = joined === first.axis ? concatWidths(widths) : call.unify(...widths);
    return { outputs: [{ shape, axis: first.axis, width }] };
  },
};

export const dot: LayerRule = {
  className: 'Dot',
  understands: ['axes', 'normalize'],
  trace(call) {
    const [a, b] = call.inputs;
    const [left, right] = contracted(call);
    const free = [
      ...a.shape.map((size, axis) => ({ size, flow: a, units: axis === a.axis })).filter((_, axis) => axis !== left),
      ...b.shape
        .map((size, axis) => ({ size, flow: b, units: axis === b.axis }))
        .filter((_, axis) => axis !== 0 && axis !== right),
    ];
    if (free.length === 1) free.push({ size: 1, flow: a, units: false });
    const shape = free.map(({ size }) => size);
    if (a.axis === left && b.axis === right) call.readBare(call.unify(a.width, b.width));
    else if (a.axis === left) call.freeze(a.width, `"${call.path}" sums over them along an axis that has no units`);
    else if (b.axis === right) call.freeze(b.width, `"${call.path}" sums over them along an axis that has no units`);
    const carrying = [...free.keys()].filter(at => free[at].units);
    const carrier = carrying.pop();
    for (const at of carrying) call.freeze(free[at].flow.width, `"${call.path}" makes a table of them`);
    if (carrier !== undefined) return { outputs: [{ shape, axis: carrier, width: free[carrier].flow.width }] };
    const axis = shape.length - 1;
    const width = call.fresh('product', shape[axis] ?? 0, 'features');
    call.freeze(width, `the places of "${call.path}" are not made of units`);
    return { outputs: [{ shape, axis, width }] };
  },
  macs: ({ config, inputs: [a], outputs: [out] }) => {
    const [left] = [config.axes].flat().map(Number);
    return elements(out) * (a[fromStart(left, a.length)] ?? NaN);
  },
};

function contracted({ config, inputs }: LayerCall): readonly [number, number] {
  const [left, right = left] = [config.axes].flat().map(Number);
  return [fromStart(left, inputs[0].shape.length), fromStart(right, inputs[1].shape.length)];
}

/** Aligned from the last axis, as tf.js does; an input of size 1 along the units is spread over all of them. */
function elementwise(className: string, arithmetic: Arithmetic): LayerRule {
  return {
    className,
    arithmetic,
    understands: [],
    trace(call): Traced {
      const rank = Math.max(...call.inputs.map(({ shape }) => shape.length));
      const inputs = call.inputs.map(flow => expand(flow, rank));
      const shape = inputs[0].shape.map((_, a) => broadcast(inputs.map(input => input.shape[a])));
      const { axis } = inputs.reduce((widest, flow) => (flow.width.length > widest.width.length ? flow : widest));
      if (inputs.some(flow => flow.axis !== axis)) return { outputs: [frozenMix(call, shape, axis)] };
      const size = Math.max(...inputs.map(({ width }) => width.length));
      for (const { width } of inputs) {
        if (width.length === 1 && size > 1)
          call.freeze(width, `"${call.path}" spreads it over all units of the other input`);
      }
      const widths = inputs.map(({ width }) => width).filter(width => width.length !== 1 || size === 1);
      return { outputs: [{ shape, axis, width: call.unify(...widths) }] };
    },
  };
}

/** tf.js puts the missing axes of the smaller input right after the batch. */
function expand({ shape, axis, width }: Flow, rank: number): Flow {
  const missing = rank - shape.length;
  return { shape: [shape[0], ...new Array<number>(missing).fill(1), ...shape.slice(1)], axis: axis + missing, width };
}

function broadcast(sizes: readonly (number | null)[]): number | null {
  return sizes.includes(null) ? null : Math.max(...(sizes as number[]));
}

function total(sizes: readonly (number | null)[]): number | null {
  return sizes.includes(null) ? null : (sizes as number[]).reduce((sum, size) => sum + size, 0);
}

/** Units on different axes meet: none of them can go. */
function frozenMix(call: LayerCall, shape: Shape, axis: number): Flow {
  for (const { width } of call.inputs) call.freeze(width, `units on different axes meet in "${call.path}"`);
  const width = call.fresh('mixed', shape[axis] ?? 0, 'features');
  call.freeze(width, `units on different axes meet in "${call.path}"`);
  return { shape, axis, width };
}
