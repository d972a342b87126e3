/** What calls and weights cost, from shapes alone: of a model as it is, or as it would be. */
import { sizeOf } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import type { CallShapes } from '../rules/rule';
import { atSizes, type InputSizes } from './inputSizes';
import type { Call } from './ledger';
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
