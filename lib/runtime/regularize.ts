/** Penalties on whole units, in training. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { FitOptions, UnitWeights } from '../core/context';
import { PruneError } from '../core/errors';
import { layersOf } from './leaves';

export interface Regularizer {
  /** To be added to the loss; call it inside a tidy. */
  penalty(): tf.Scalar;
  /** One step of training is done. */
  advance(): void;
  dispose(): void;
}

/**
 * @param done Steps of this training that were made before.
 * @throws PruneError `bad-option` for units that are not of the model.
 */
export function createRegularizer(
  model: LayersModel,
  options: NonNullable<FitOptions['regularize']>,
  done = 0,
): Regularizer {
  const weights = weightsOf(model);
  for (const { sites } of options.groups) for (const site of sites) requireOwn(weights, site);
  const groups = options.groups.map(group => squaresOf(weights, group));
  let steps = done;
  const penalty = (): tf.Scalar => {
    if (options.kind === 'groupLasso') {
      return sum(groups.map(({ squares, roots }) => tf.mul(norms(squares(), roots), options.strength)));
    }
    const factor = Math.min(options.ceiling, options.delta * Math.floor(steps / options.every));
    return sum(groups.map(({ squares }) => tf.mul(tf.sum(squares()), 0.5 * factor)));
  };
  return {
    penalty,
    advance: () => void steps++,
    dispose: () => tf.dispose(groups.flatMap(({ kept }) => kept)),
  };
}

interface Squares {
  /** The sum of squares of what makes each unit. */
  squares(): tf.Tensor;
  /** The root of how many weights that are. */
  readonly roots: tf.Tensor;
  /** To be disposed in the end. */
  readonly kept: readonly tf.Tensor[];
}

type Weights = ReadonlyMap<string, readonly tf.Variable[]>;

function weightsOf(model: LayersModel): Weights {
  return new Map(layersOf(model).map(({ path, layer }) => [path, layer.weights.map(({ val }) => val)]));
}

function squaresOf(weights: Weights, { units, sites }: UnitWeights): Squares {
  const sizes = new Float32Array(units);
  const variables = sites.map(({ layer, weight, members }) => {
    const variable = weights.get(layer)![weight];
    for (const unit of members) if (unit >= 0) sizes[unit] += variable.size / members.length;
    return variable;
  });
  const spreads = sites.map(({ members }) => spread(members, units));
  const roots = tf.tensor1d(sizes.map(Math.sqrt));
  const squares = (): tf.Tensor =>
    tf.addN(
      variables.map((variable, i) => {
        const others = [...variable.shape.keys()].filter(axis => axis !== sites[i].axis);
        const along = tf.sum(tf.square(variable), others);
        return tf.reshape(tf.matMul(tf.reshape(along, [1, -1]), spreads[i]), [units]);
      }),
    );
  return { squares, roots, kept: [roots, ...spreads] };
}

/** `[positions, units]`: a one where a position belongs to a unit. */
function spread(members: Int32Array, units: number): tf.Tensor2D {
  const values = new Float32Array(members.length * units);
  members.forEach((unit, position) => unit >= 0 && (values[position * units + unit] = 1));
  return tf.tensor2d(values, [members.length, units]);
}

/** The sum of `roots` times the roots of `squares`; the gradient of a root at 0 is taken to be 0, so that what is 0 stays. */
function norms(squares: tf.Tensor, roots: tf.Tensor): tf.Tensor {
  const weighted = tf.customGrad(((given: tf.Tensor, save: tf.GradSaveFunc) => {
    const norm = tf.sqrt(given);
    save([norm]);
    const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]): tf.Tensor =>
      tf.mul(dy, tf.mul(0.5, tf.divNoNan(roots, saved)));
    return { value: tf.sum(tf.mul(roots, norm)), gradFunc };
  }) as never);
  return weighted(squares);
}

function sum(parts: readonly tf.Tensor[]): tf.Scalar {
  return parts.length === 0 ? tf.scalar(0) : (tf.addN([...parts]) as tf.Scalar);
}

function requireOwn(weights: Weights, { layer, weight, axis, members }: UnitWeights['sites'][number]): void {
  const shape = weights.get(layer)?.[weight]?.shape;
  if (shape?.[axis] === members.length) return;
  throw new PruneError('bad-option', {
    place: 'fit, regularize',
    expected: `weight ${weight} of layer "${layer}" with ${members.length} positions along axis ${axis}`,
    got: shape ? `[${shape.join(', ')}]` : 'no such weight',
    cure: 'Take the groups from the model that is trained.',
  });
}
