/** Streams in another orthogonal basis: the model computes the same, and what lies where is free to choose. */
import { turnAlong } from '../core/along';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { Trace } from '../graph/ledger';
import { obstacle, sitesOf, type Stream } from '../graph/streams';

/** Why `stream` of `model` cannot be turned; undefined where it can. For people. */
export function turnProblem(model: Checkpoint, traced: Trace, stream: Stream): string | undefined {
  const frozen = Array.from(stream.units, unit => traced.frozen.get(unit)).find(reason => reason !== undefined);
  if (frozen !== undefined) return frozen;
  const whole = stream.norms.find(({ layer, rule, config, inputs }) => {
    const shapes = inputs.map(({ shape }) => shape);
    const parts = rule.normParts!({ config, weights: weightsOf(model, layer), inputs: shapes });
    const isBare = parts && !parts.centres && isAll(parts.scale, 1) && isAll(parts.shift, 0);
    return !isBare;
  });
  return whole ? `"${whole.layer}" does more than divide by a length` : obstacle(traced, stream);
}

/**
 * `model` with `stream`, which {@link turnProblem} finds nothing against, multiplied by the orthogonal `basis` `[width, width]`: what lay
 * along column k lies at position k.
 */
export function turnStream(model: Checkpoint, traced: Trace, stream: Stream, basis: Float64Array): Checkpoint {
  const weights = new Map(model.weights);
  for (const { layer, weight, axis, role } of sitesOf(traced, stream)) {
    if (role === 'scales') continue; // gammas of ones
    const turned = weights.get(layer)!.map((array, i) => (i === weight ? turnAlong(array, axis, basis) : array));
    weights.set(layer, turned);
  }
  return { ...model, weights };
}

function isAll(values: ArrayLike<number>, wanted: number): boolean {
  return Array.from(values).every(value => value === wanted);
}
