/** What calls and weights cost, from shapes alone: of a model as it is, or as it would be. */
import { sizeOf } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import type { InputSizes } from '../core/shapes';
import type { CallShapes, Flow } from '../rules/rule';
import { atSizes } from './inputSizes';
import type { Call, Trace } from './ledger';
import { trace } from './trace';

/** Weights of each layer by path, as far as counting needs them; those of a checkpoint will do. */
export type WeightShapes = ReadonlyMap<string, readonly { readonly shape: readonly number[] }[]>;

/** Multiply-accumulates of all `calls` for one example, by the shapes given; undefined when a size that matters is not known. */
export function macsOf(calls: readonly Call[], shapes: (call: Call) => CallShapes): number | undefined {
  const macs = calls.reduce((sum, call) => sum + (call.rule.macs?.(shapes(call)) ?? 0), 0);
  return Number.isNaN(macs) ? undefined : macs;
}

/** Of `model` as it is. @throws PruneError `no-rule`, `bad-model`. */
export function macsOfModel(model: Checkpoint, { calls } = trace(model)): number | undefined {
  return macsOf(calls, call => callShapes(model.weights, call));
}

/** The same, for examples like `example` where the model leaves sizes open. @throws PruneError `bad-option` where it takes no such examples. */
export function macsFor(example: InputSizes | undefined, model: Checkpoint, traced = trace(model)): number | undefined {
  return macsOfModel(model, traced) ?? (example && macsOfModel(atSizes(model, example)));
}

/**
 * The trace of `model` to count cuts by: its units, and where it leaves sizes open those of `example`, if there is one.
 * @throws PruneError `no-rule`, `bad-model`; `bad-option` where it takes no such examples.
 */
export function countingTrace(model: Checkpoint, example: InputSizes | undefined): Trace {
  const traced = trace(model);
  if (example === undefined || !traced.calls.some(isOpen)) return traced;
  // Units are numbered by size, so that the sized model has others: only the shapes are its own.
  const sized = trace(atSizes(model, example)).calls;
  const known = new Map<Flow, Flow>();
  const filled = (flow: Flow, { shape }: Flow): Flow => {
    const own = known.get(flow) ?? { ...flow, shape: flow.shape.map((size, a) => (a === flow.axis ? size : shape[a])) };
    known.set(flow, own);
    return own;
  };
  const calls = traced.calls.map((call, i) => ({
    ...call,
    inputs: call.inputs.map((flow, at) => filled(flow, sized[i].inputs[at])),
    outputs: call.outputs.map((flow, at) => filled(flow, sized[i].outputs[at])),
  }));
  return { ...traced, calls };
}

/** The batch is always open. */
function isOpen({ inputs, outputs }: Call): boolean {
  return [...inputs, ...outputs].some(({ shape }) => shape.includes(null, 1));
}

/** Refuses costs that hang on an input size which nothing tells; `otherwise` is what to do without. @throws PruneError `bad-model`. */
export function openSize(place: string, otherwise: string): never {
  throw new PruneError('bad-model', {
    place,
    expected: 'a model whose costs can be counted',
    got: 'one with an open input size',
    cure: `Give data, whose examples have a size, ${otherwise}, or fix the input shape of the model.`,
  });
}

/** What the rule of `call` counts by. */
export function callShapes(weights: WeightShapes, { layer, config, inputs, outputs }: Call): CallShapes {
  const held = shapesOf(weights.get(layer) ?? []);
  return { config, inputs: shapesOf(inputs), outputs: shapesOf(outputs), weights: held };
}

/** Number of stored values: trainable and not. */
export function parametersOf(weights: WeightShapes): number {
  return [...weights.values()].flat().reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

export function shapesOf<S>(arrays: readonly { readonly shape: S }[]): readonly S[] {
  return arrays.map(({ shape }) => shape);
}
