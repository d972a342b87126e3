/** Factors on what flows into layers. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Gate } from '../core/context';
import { PruneError } from '../core/errors';
import { layersOf, wrapCall, type AnyLayer } from './leaves';

export interface HungGates {
  /** Of the factors of each gate, for one example: `[1, ..., positions, ...]`. */
  readonly shapes: readonly number[][];
  /** What the next calls are multiplied by, gate by gate; the tensors stay the caller's. */
  set(factors: readonly tf.Tensor[]): void;
}

/** @throws PruneError `bad-option` for a gate on a layer or input that the model does not have. */
export function hangGates(model: LayersModel, gates: readonly Gate[]): HungGates {
  const layers = new Map(layersOf(model).map(({ path, layer }) => [path, layer]));
  let current: readonly tf.Tensor[] = [];
  const shapes = gates.map(gate => shapeOf(layers.get(gate.layer), gate));
  for (const path of new Set(gates.map(({ layer }) => layer))) {
    wrapCall(layers.get(path)!, call => (inputs, kwargs) => {
      const gated = [inputs]
        .flat()
        .map((input, i) => gates.reduce((x, gate, g) => (isOn(gate, path, i, x) ? tf.mul(x, current[g]) : x), input));
      return call(Array.isArray(inputs) ? gated : gated[0], kwargs);
    });
  }
  return { shapes, set: factors => void (current = factors) };
}

/** A layer that is given tensors of another rank in other calls, tokens to look up, has its gate where it is given vectors. */
function isOn({ layer, input, axis }: Gate, path: string, index: number, { rank }: tf.Tensor): boolean {
  return layer === path && input === index && rank > axis;
}

/** `[1, ..., positions, ...]` for the input that `gate` is on. */
function shapeOf(layer: AnyLayer | undefined, { layer: path, input, axis }: Gate): number[] {
  const shape = layer?.inboundNodes.map(({ inputShapes }) => inputShapes[input]).find(given => given?.length > axis);
  const size = shape?.[axis];
  if (shape && typeof size === 'number' && axis > 0) return shape.map((_, a) => (a === axis ? size : 1));
  throw new PruneError('bad-option', {
    place: 'gradients',
    expected: 'gates along an axis of fixed size of an input of a layer of the model',
    got: `axis ${axis} of input ${input} of "${path}"`,
    cure: 'Take the gates from gatesOf.',
  });
}
