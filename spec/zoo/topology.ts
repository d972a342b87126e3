/** Topologies written by hand, for specs that need no tf.js: damaged, huge or minimal ones. */
import { ndarray, sizeOf, type NdArray } from '../../lib/core/array';
import type { Checkpoint, Config, InboundNode, LayerSpec, Topology } from '../../lib/core/checkpoint';
import { random } from '../../lib/core/random';

export function layer(className: string, name: string, config: Config = {}, ...calls: string[][]): LayerSpec {
  const inboundNodes = calls.map((inputs): InboundNode => inputs.map(input => [input, 0, 0, {}]));
  return { className, name, config: { name, ...config }, inboundNodes };
}

export function input(name: string, shape: readonly (number | null)[]): LayerSpec {
  return layer('InputLayer', name, { batchInputShape: [null, ...shape], dtype: 'float32', sparse: false });
}

export function functional(layers: readonly LayerSpec[], outputs: readonly string[]): Topology {
  const inputs = layers.filter(({ className }) => className === 'InputLayer').map(({ config }) => String(config.name));
  return {
    className: 'Model',
    config: {
      name: 'model',
      layers,
      inputLayers: inputs.map(name => [name, 0, 0] as const),
      outputLayers: outputs.map(name => [name, 0, 0] as const),
    },
  };
}

export function sequential(...layers: readonly LayerSpec[]): Topology {
  return {
    className: 'Sequential',
    config: { name: 'sequential', layers: layers.map(({ className, config }) => ({ className, config })) },
  };
}

/** A checkpoint with random weights of the shapes given, by path. */
export function checkpoint(topology: Topology, shapes: Readonly<Record<string, readonly number[][]>>): Checkpoint {
  const weights = Object.entries(shapes).map(
    ([path, arrays]) => [path, arrays.map((shape, i) => noise(shape, path, i))] as const,
  );
  return { topology, weights: new Map(weights) };
}

/** Standard normal numbers that depend on the labels only. */
export function noise(shape: readonly number[], ...labels: (string | number)[]): NdArray {
  const { normal } = random(0, ...labels);
  return ndarray(
    Float32Array.from({ length: sizeOf(shape) }, () => normal()),
    shape,
  );
}
