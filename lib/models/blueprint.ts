/** Writes the topology of a functional model as data, layer by layer: no tensor is made for weights that come from a file. */
import type { Config, InboundNode, LayerSpec, Topology } from '../core/checkpoint';

/** An output of a layer: what its `call`-th call returned. */
export interface Wire {
  readonly layer: string;
  readonly call: number;
}

export interface Blueprint {
  /** `shape` without the batch. */
  input(name: string, shape: readonly (number | null)[], dtype: 'int32' | 'float32'): Wire;
  /** Calls the layer `name`, which is made at its first call; the same name again shares it. */
  layer(className: string, name: string, config: Config, ...from: readonly Wire[]): Wire;
  /** A Dense layer along the last axis. */
  dense(name: string, units: number, options: DenseOptions, from: Wire): Wire;
  model(name: string, inputs: readonly Wire[], output: Wire): Topology;
}

export interface DenseOptions {
  readonly useBias: boolean;
  /** In the words of tf.js; default linear. */
  readonly activation?: string;
}

export function blueprint(): Blueprint {
  const made = new Map<string, { className: string; config: Config; inboundNodes: InboundNode[] }>();
  const layer: Blueprint['layer'] = (className, name, config, ...from) => {
    const entry = made.get(name) ?? { className, config: { name, trainable: true, ...config }, inboundNodes: [] };
    made.set(name, entry);
    entry.inboundNodes.push(from.map(wire => [wire.layer, wire.call, 0, {}] as const));
    return { layer: name, call: entry.inboundNodes.length - 1 };
  };
  return {
    layer,
    input(name, shape, dtype) {
      const config = { name, batchInputShape: [null, ...shape], dtype, sparse: false };
      made.set(name, { className: 'InputLayer', config, inboundNodes: [] });
      return { layer: name, call: 0 };
    },
    dense: (name, units, { useBias, activation = 'linear' }, from) =>
      layer('Dense', name, { units, useBias, activation }, from),
    model(name, inputs, output) {
      const layers = [...made].map(([layerName, entry]): LayerSpec => ({ name: layerName, ...entry }));
      const inputLayers = inputs.map(({ layer: from, call }) => [from, call, 0] as const);
      const outputLayers = [[output.layer, output.call, 0] as const];
      return { className: 'Model', config: { name, layers, inputLayers, outputLayers } };
    },
  };
}
