/** What a cut would leave to pay, before anything is cut: counted from shapes, no weight is touched. */
import type { Checkpoint, Config } from '../core/checkpoint';
import { macsOf, parametersOf, shapesOf, type CountedCall, type WeightShapes } from '../graph/cost';
import type { Trace } from '../graph/ledger';
import type { CutFlow, Shape, Unit } from '../rules/rule';
import { cutCall, keptSites } from './slice';

export interface CutCost {
  readonly parameters: number;
  /** Multiply-accumulates per example; undefined when an input size is unknown. */
  readonly macs: number | undefined;
}

/**
 * Parameters and MACs of `model` without the `removed` units, exactly those of {@link slice}'s result; with none removed
 * those of the model itself. `traced` is the trace of `model`. Linear in the number of channel positions.
 */
export function costAfter(model: Checkpoint, traced: Trace, removed: ReadonlySet<Unit>): CutCost {
  const weights = cutWeights(model, traced, removed);
  const configs = new Map<string, Config>();
  const calls = traced.calls.map((call): CountedCall => {
    const { layer, rule, config } = call;
    if (!rule.macs) return call;
    const cut = cutCall(call, shapesOf(weights.get(layer) ?? []), removed);
    // As in `slice`, the first call of a shared layer speaks for its config.
    if (!configs.has(layer)) configs.set(layer, { ...config, ...rule.resize?.(cut) });
    return {
      layer,
      rule,
      config: configs.get(layer)!,
      inputs: cut.inputs.map(shrunk),
      outputs: cut.outputs.map(shrunk),
    };
  });
  return { parameters: parametersOf(weights), macs: macsOf(calls, weights) };
}

function cutWeights(model: Checkpoint, traced: Trace, removed: ReadonlySet<Unit>): WeightShapes {
  const weights = new Map(model.weights as WeightShapes);
  for (const { site, kept } of keptSites(traced, removed)) {
    const arrays = (weights.get(site.layer) ?? []).map((array, i) =>
      i === site.weight ? { shape: resized(array.shape, site.axis, kept.length) } : array,
    );
    weights.set(site.layer, arrays);
  }
  return weights;
}

function shrunk({ shape, axis, kept }: CutFlow): { readonly shape: Shape } {
  return { shape: shape[axis] === null ? shape : resized(shape, axis, kept.length) };
}

function resized<S extends number | null>(shape: readonly S[], axis: number, size: S & number): readonly S[] {
  return shape.map((old, a) => (a === axis ? size : old));
}
