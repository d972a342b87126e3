/** What a cut would leave to pay, before anything is cut: counted from shapes, no weight is touched. */
import { sizeOf } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import { macsOf, parametersOf, shapesOf, type WeightShapes } from '../graph/cost';
import type { Call, Trace } from '../graph/ledger';
import type { CallShapes, CutFlow, Shape, Unit } from '../rules/rule';
import { cutCall, keptSites } from './slice';

export interface CutCost {
  readonly parameters: number;
  /** Of the stored weights: 4 for a float. */
  readonly bytes: number;
  /** Multiply-accumulates per example; undefined when an input size is unknown. */
  readonly macs: number | undefined;
}

/**
 * Parameters, bytes and MACs of `model` without the `removed` units, exactly those of {@link slice}'s result; with none removed
 * those of the model itself. `traced` is the trace of `model`. Linear in the number of channel positions.
 */
export function costAfter(model: Checkpoint, traced: Trace, removed: ReadonlySet<Unit>): CutCost {
  const weights = cutWeights(model, traced, removed);
  const shapes = (call: Call): CallShapes => shapesAfter(call, shapesOf(weights.get(call.layer) ?? []), removed);
  return { parameters: parametersOf(weights), bytes: bytesOf(model, weights), macs: macsOf(traced.calls, shapes) };
}

/** What the rule of `call` counts by after the cut; `weights` are the shapes that the cut leaves. */
export function shapesAfter(call: Call, weights: CallShapes['weights'], removed: ReadonlySet<Unit>): CallShapes {
  const cut = cutCall(call, weights, removed);
  const config = { ...call.config, ...call.rule.resize?.(cut) };
  return { config, inputs: cut.inputs.map(shapeOf), outputs: cut.outputs.map(shapeOf), weights };
}

function cutWeights(model: Checkpoint, traced: Trace, removed: ReadonlySet<Unit>): WeightShapes {
  const weights = new Map(model.weights as WeightShapes);
  for (const { site, kept } of keptSites(traced, removed)) {
    const arrays = (weights.get(site.layer) ?? []).map((array, i) =>
      i === site.weight ? { shape: array.shape.map((size, a) => (a === site.axis ? kept.length : size)) } : array,
    );
    weights.set(site.layer, arrays);
  }
  return weights;
}

/** Of the arrays of `model` in the shapes of `cut`. */
function bytesOf({ weights }: Checkpoint, cut: WeightShapes): number {
  const sizes = [...weights].flatMap(([layer, arrays]) =>
    arrays.map(({ dtype }, i) => sizeOf(cut.get(layer)![i].shape) * (dtype === 'bool' ? 1 : 4)),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function shapeOf({ shape, axis, kept }: CutFlow): Shape {
  return shape.map((size, a) => (a === axis && size !== null ? kept.length : size));
}
