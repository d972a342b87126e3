/** What an optimizer remembers, as plain arrays beside the weights. */
import type * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { ndarray, sizeOf, type NdArray } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import type { Moments, OptimizerName } from '../core/context';
import { layersOf, type AnyLayer } from './leaves';
import type { Added } from './norms';
import type { RatedOptimizer } from './optimizer';
import { fromTensor, toTensor } from './tensors';

/** The moments of `optimizer` for every weight of `model` but those in `added`; zeros for what it does not train. */
export async function readMoments(
  model: LayersModel,
  added: Added,
  name: OptimizerName,
  optimizer: RatedOptimizer,
): Promise<Moments> {
  const slots = Array.from({ length: optimizer.slots }, () => new Map<string, readonly NdArray[]>());
  for (const { path, layer } of layersOf(model)) {
    const variables = ownVariables(layer, added.get(path));
    if (variables.length === 0) continue;
    for (const [i, slot] of slots.entries()) {
      const read = async (variable: tf.Variable): Promise<NdArray> => {
        const state = optimizer.stateOf(variable);
        return state ? fromTensor(state[i]) : zerosOf(variable);
      };
      slot.set(path, await Promise.all(variables.map(read)));
    }
  }
  return { optimizer: name, steps: optimizer.steps, slots };
}

/** Puts `moments`, which fit the model, into a fresh `optimizer` of `variables`. */
export function loadMoments(
  model: LayersModel,
  added: Added,
  { steps, slots }: Moments,
  optimizer: RatedOptimizer,
  variables: readonly tf.Variable[],
): void {
  const states = new Map<tf.Variable, readonly tf.Tensor[]>();
  for (const { path, layer } of layersOf(model)) {
    ownVariables(layer, added.get(path)).forEach((variable, i) => {
      if (variables.includes(variable)) {
        states.set(
          variable,
          slots.map(slot => toTensor(slot.get(path)![i])),
        );
      }
    });
  }
  optimizer.restore(steps, variables, states);
}

/** Why `moments` are of no use to train weights like `weights` with `optimizer`; undefined where they are. */
export function unfitness(
  moments: Moments,
  weights: Checkpoint['weights'],
  optimizer: OptimizerName = moments.optimizer,
): string | undefined {
  if (moments.optimizer !== optimizer) return `they are of ${moments.optimizer}, not of ${optimizer}`;
  const shapes = (arrays: readonly NdArray[] = []): string => arrays.map(({ shape }) => `[${shape.join()}]`).join();
  for (const slot of moments.slots) {
    const paths = new Set([...slot.keys(), ...weights.keys()]);
    const other = [...paths].find(path => shapes(slot.get(path)) !== shapes(weights.get(path)));
    if (other !== undefined) return `those of layer "${other}" are of other shapes than its weights`;
  }
  return undefined;
}

function ownVariables({ weights }: AnyLayer, added: readonly number[] = []): readonly tf.Variable[] {
  return weights.filter((_, position) => !added.includes(position)).map(({ val }) => val);
}

function zerosOf({ shape }: tf.Variable): NdArray {
  return ndarray(new Float32Array(sizeOf(shape)), shape);
}
