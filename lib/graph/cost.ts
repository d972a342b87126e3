/** What calls and weights cost, from shapes alone: of a model as it is, or as it would be. */
import { sizeOf } from '../core/array';
import type { CallShapes, Shape } from '../rules/rule';
import type { Call } from './ledger';

/** Weights of each layer by path, as far as counting needs them; those of a checkpoint will do. */
export type WeightShapes = ReadonlyMap<string, readonly { readonly shape: readonly number[] }[]>;

/** A call with the shapes that flow through it. */
export interface CountedCall extends Pick<Call, 'layer' | 'rule' | 'config'> {
  readonly inputs: readonly { readonly shape: Shape }[];
  readonly outputs: readonly { readonly shape: Shape }[];
}

/** Multiply-accumulates of all `calls` for one example; undefined when a size that matters is not known. */
export function macsOf(calls: readonly CountedCall[], weights: WeightShapes): number | undefined {
  const macs = calls.reduce((sum, call) => sum + (call.rule.macs?.(callShapes({ weights }, call)) ?? 0), 0);
  return Number.isNaN(macs) ? undefined : macs;
}

/** What the rule of `call` counts by. */
export function callShapes(
  { weights }: { readonly weights: WeightShapes },
  { layer, config, inputs, outputs }: CountedCall,
): CallShapes {
  return {
    config,
    inputs: shapesOf(inputs),
    outputs: shapesOf(outputs),
    weights: shapesOf(weights.get(layer) ?? []),
  };
}

/** Number of stored values: trainable and not. */
export function parametersOf(weights: WeightShapes): number {
  return [...weights.values()].flat().reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

export function shapesOf<S>(arrays: readonly { readonly shape: S }[]): readonly S[] {
  return arrays.map(({ shape }) => shape);
}
