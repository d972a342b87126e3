/**
 * Activations of the model. tf.js keeps channels last, ONNX convolves with channels first and runs over time first: a value is stored with
 * its axes in the order in which it was made, and in another one when a layer asks for it, so that chains need no transposing.
 */
import type { Builder } from './builder';
import { ELEMENT_TYPES, type Dim, type ElementType } from './model';

/** Axis i of what is stored is axis `order[i]` of tf.js's. */
export type Order = readonly number[];

interface Stored {
  readonly name: string;
  readonly order: Order;
}

export interface Value {
  /** As tf.js has them. */
  readonly dims: readonly Dim[];
  readonly type: ElementType;
  /** As it was made first, and in all orders that were asked for since. */
  readonly stored: Stored[];
  /** Steps that count, `[batch, time]` of float 0 and 1; empty where it cannot be told. */
  readonly mask?: string;
}

export function valueOf(
  name: string,
  dims: readonly Dim[],
  order: Order = inPlace(dims.length),
  type: ElementType = 'float32',
): Value {
  return { dims, type, stored: [{ name, order }] };
}

/** As tf.js has it. */
export function inPlace(rank: number): Order {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** `[batch, channels, ...sizes]`. */
export function channelsFirst(rank: number): Order {
  return [0, rank - 1, ...inPlace(rank - 1).slice(1)];
}

/** The order in which `value` was made. */
export function madeOrder({ stored: [made] }: Value): Order {
  return made.order;
}

export function sameOrder(a: Order, b: Order): boolean {
  return a.join() === b.join();
}

/** Where each axis of tf.js lies in `order`. */
export function positionsIn(order: Order, axes: readonly number[]): number[] {
  return axes.map(axis => order.indexOf(axis));
}

/** The name of `value` stored in `order`, transposed where it is not yet. */
export function read(graph: Builder, value: Value, order: Order = inPlace(value.dims.length)): string {
  const known = value.stored.find(form => sameOrder(form.order, order));
  if (known) return known.name;
  const [made] = value.stored;
  const perm = positionsIn(made.order, order);
  const name = graph.node('Transpose', [made.name], { perm: { ints: perm } });
  value.stored.push({ name, order });
  return name;
}

/** The same numbers under another order of tf.js's axes: axis a of the result is axis `axes[a]` of `value`. */
export function permuted(value: Value, axes: readonly number[], dims: readonly Dim[]): Value {
  const stored = value.stored.map(({ name, order }) => ({ name, order: positionsIn(axes, order) }));
  return { dims, type: value.type, stored };
}

export function cast(graph: Builder, x: string, type: ElementType): string {
  return graph.node('Cast', [x], { to: { int: ELEMENT_TYPES[type] } });
}

/** As floats. */
export function asFloats(graph: Builder, value: Value): Value {
  if (value.type === 'float32') return value;
  const [{ name, order }] = value.stored;
  const floats = graph.once(`floats ${name}`, () => cast(graph, name, 'float32'));
  return { ...value, type: 'float32', stored: [{ name: floats, order }] };
}

/** The order in which it was made where its last axis is the last, else that of tf.js. */
export function lastKept({ dims, stored: [made] }: Value): Order {
  const last = dims.length - 1;
  return made.order[last] === last ? made.order : inPlace(dims.length);
}

/** The size of an axis of tf.js, `[1]`. */
export function sizeOfAxis(graph: Builder, { dims, stored: [{ name, order }] }: Value, axis: number): string {
  const size = dims[axis];
  if (typeof size === 'number') return graph.ints([size]);
  const at = order.indexOf(axis);
  return graph.once(`size ${size}`, () => graph.node('Shape', [name], { start: { int: at }, end: { int: at + 1 } }));
}

/** 0, 1, ... for each place along an open axis of tf.js. */
export function placesOf(graph: Builder, value: Value, axis: number): string {
  return graph.once(`places ${value.dims[axis]}`, () => {
    const count = graph.node('Squeeze', [sizeOfAxis(graph, value, axis), graph.ints([0])]);
    return graph.node('Range', [graph.ints([0], []), count, graph.ints([1], [])]);
  });
}
