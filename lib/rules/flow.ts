/** What runs between layers, as rules see it. */
import type { Shape } from '../core/shapes';

/** One removable structure: a channel, a neuron, a head. */
export type Unit = number;
/** The unit at each position of a channel axis. */
export type Width = Int32Array;
export type { Shape };

/** An activation: its shape and the unit at each position of its one unit-bearing axis (`width.length = shape[axis]`). */
export interface Flow {
  readonly shape: Shape;
  readonly axis: number;
  readonly width: Width;
}
