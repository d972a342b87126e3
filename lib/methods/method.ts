/**
 * methods: what happens, in which order. Every method has one shape and composes with `chain` and `repeat`; a preset is
 * a composition without arithmetic of its own. Methods ask the context for data and training, never tf.js.
 * This file: the shape, and the two ways to compose.
 */
import { checkAborted, checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Context, Need } from '../core/context';

export interface Method<N extends Need = never> {
  readonly name: string;
  readonly paper?: string;
  /** Abilities that `compress` must be given data for. */
  readonly needs: readonly N[];
  /** What it was made with, where its result follows from it: a run that is resumed must find the same. */
  readonly settings?: unknown;
  /** A new model; `model` is left alone. */
  run(model: Checkpoint, context: Context<N>): Promise<Checkpoint>;
}

/** Runs `methods` one after the other. */
export function chain<N extends Need = never>(...methods: readonly Method<N>[]): Method<N> {
  return {
    name: methods.map(({ name }) => name).join(' -> '),
    needs: [...new Set(methods.flatMap(({ needs }) => needs))],
    settings: methods.map(({ name, settings }) => ({ name, settings })),
    run: (model, context) => runAll(methods, model, context, () => true),
  };
}

/** Runs `step(0)`, `step(1)`, ... in turn, until a guard takes one back; stages of the report are numbered. */
export function repeat<N extends Need = never>(times: number, step: (index: number) => Method<N>): Method<N> {
  checkNumber('repeat', 'times', times, { least: 1, integer: true });
  const methods = Array.from({ length: times }, (_, index) => numbered(step(index), index, times));
  return {
    ...chain(...methods),
    name: times === 1 ? methods[0].name : `${times} x (${methods[0].name})`,
    run(model, context) {
      const { undone } = context;
      const before = undone.length;
      return runAll(methods, model, context, () => undone.length === before);
    },
  };
}

async function runAll<N extends Need>(
  methods: readonly Method<N>[],
  model: Checkpoint,
  context: Context<N>,
  goOn: () => boolean,
): Promise<Checkpoint> {
  let current = model;
  for (const method of methods) {
    if (!goOn()) break;
    checkAborted(method.name, context.signal);
    const before = current;
    current = await context.step(method.name, before, () => method.run(before, context));
  }
  return current;
}

function numbered<N extends Need>(method: Method<N>, index: number, times: number): Method<N> {
  if (times === 1) return method;
  return {
    ...method,
    run(model, context) {
      const stage = (name: string, at: Checkpoint) => context.stage(`${name} ${index + 1}/${times}`, at);
      return method.run(model, { ...context, stage });
    },
  };
}
