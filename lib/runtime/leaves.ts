/** The layer objects of a tf.js model by path: the counterpart of core's `leaves`. */
import type * as tf from '@tensorflow/tfjs-core';
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';
import { join } from '../core/checkpoint';

type Layer = LayersModel['layers'][number];

/** What this folder uses of a layer or model object, private parts included: tf.js does not export the classes. */
export interface AnyLayer extends Pick<Layer, 'name' | 'built' | 'trainable' | 'losses'> {
  /** Of a nested model only. */
  readonly layers?: readonly AnyLayer[];
  /** Of a wrapper only. */
  readonly layer?: AnyLayer;
  /** Where it has one; absent for linear. */
  readonly activation?: { apply(x: tf.Tensor): tf.Tensor };
  readonly weights: readonly {
    readonly originalName: string;
    readonly val: tf.Variable;
    write(value: tf.Tensor): void;
  }[];
  readonly trainableWeights: readonly { read(): tf.Tensor }[];
  readonly inboundNodes: readonly {
    readonly inputShapes: readonly (readonly (number | null)[])[];
    readonly outputTensors: readonly SymbolicTensor[];
  }[];
  readonly outboundNodes: readonly {
    readonly outboundLayer: AnyLayer;
    readonly inputTensors: SymbolicTensor[];
    readonly outputTensors: SymbolicTensor[];
  }[];
  readonly inputs?: readonly SymbolicTensor[];
  _refCount: number | null;
  getClassName(): string;
  getConfig(): Record<string, unknown>;
  getWeights(): tf.Tensor[];
  setWeights(weights: tf.Tensor[]): void;
  build(): void;
  call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[];
}

export interface Leaf {
  readonly path: string;
  readonly layer: AnyLayer;
}

/** Every layer that is not itself a model, outermost first. */
export function layersOf(model: LayersModel | AnyLayer, parent = ''): Leaf[] {
  return (model as AnyLayer).layers!.flatMap(layer => {
    const path = join(parent, layer.name);
    return layer.layers === undefined ? [{ path, layer }] : layersOf(layer, path);
  });
}

type LayerCall = AnyLayer['call'];

/** Hangs something around the calls of `layer`: `wrap` is given what it does now. */
export function wrapCall(layer: AnyLayer, wrap: (call: LayerCall) => LayerCall): void {
  layer.call = wrap(layer.call.bind(layer));
}

/** Takes off all that was hung around its calls. */
export function unwrapCall(layer: AnyLayer): void {
  Reflect.deleteProperty(layer, 'call');
}
