/** A layer call without a graph around it, which notes what the rule asks for. */
import type { Config } from '../../lib/core/checkpoint';
import type { Flow, LayerCall, Width } from '../../lib/rules/rule';

export interface NotedCall extends LayerCall {
  readonly frozen: { width: Width; reason: string }[];
  readonly unified: (readonly Width[])[];
  readonly bare: Width[];
  readonly shifted: { width: Width; reason: string }[];
}

export interface CallOptions {
  readonly config?: Config;
  readonly shapes: readonly (readonly number[])[];
  /** The axis of the units of each input; default: the last. */
  readonly axes?: readonly number[];
  readonly weights?: readonly (readonly number[])[];
}

/** Units are numbered input by input, then call by call of `fresh`. */
export function callOf({ config = {}, shapes, axes = [], weights = [] }: CallOptions): NotedCall {
  let next = 0;
  const fresh = (length: number): Width => Int32Array.from({ length }, () => next++);
  const inputs = shapes.map((shape, i): Flow => {
    const axis = axes[i] ?? shape.length - 1;
    return { shape: shape, axis, width: fresh(shape[axis]) };
  });
  const frozen: NotedCall['frozen'] = [];
  const unified: NotedCall['unified'] = [];
  const bare: NotedCall['bare'] = [];
  const shifted: NotedCall['shifted'] = [];
  return {
    path: 'layer',
    config,
    inputs,
    weights,
    frozen,
    unified,
    bare,
    shifted,
    readBare: width => void bare.push(width),
    regard: () => undefined,
    shift: (width, reason) => void shifted.push({ width, reason }),
    fresh: (_key, length) => fresh(length),
    freeze: (width, reason) => void frozen.push({ width, reason }),
    unify: (...widths) => {
      unified.push(widths);
      return widths[0];
    },
  };
}
