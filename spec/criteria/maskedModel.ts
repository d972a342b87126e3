/** A model with an explicit mask in front of readers: layers that multiply what passes, unit by unit. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { ndarray, type NdArray } from '../../lib/core/array';
import { nameOf, type Checkpoint, type InboundNode, type LayerSpec } from '../../lib/core/checkpoint';
import { materialize } from '../../lib/runtime/materialize';
import { tensorOf } from '../models/fixtures';
import { layer } from '../zoo/topology';

/** A layer that reads, and at which of its calls. */
export type Reader = readonly [layer: string, call: number];

export interface Masked {
  /** Logits `[examples, ...]` with position `at` of what reader number i is given times `factors[i]`. */
  logits(at: readonly number[], factors: readonly number[]): Float32Array;
  /** What each reader is given, `[..., positions]`. */
  readonly given: readonly Float32Array[];
  dispose(): void;
}

/** `size` is how many positions all of the readers are given. */
export function masked(
  model: Checkpoint,
  readers: readonly Reader[],
  size: number,
  inputs: readonly NdArray[],
): Masked {
  const name = ([path, call]: Reader): string => `mask_${path}_${call}`;
  const masks: LayerSpec[] = [];
  const rewired = model.topology.config.layers.map((spec): LayerSpec => {
    const inboundNodes = spec.inboundNodes?.map((node, call): InboundNode => {
      const reader = readers.find(([path, at]) => path === nameOf(spec) && at === call);
      if (reader === undefined) return node;
      const [first, ...others] = node;
      masks.push({ ...layer('Dense', name(reader), { units: size, useBias: false, activation: 'linear' }), inboundNodes: [[first]] }); // prettier-ignore
      return [[name(reader), 0, 0, {}], ...others];
    });
    return { ...spec, ...(inboundNodes && { inboundNodes }) };
  });
  if (masks.length !== readers.length) throw new Error('a reader is not there');
  const diagonal = (at: readonly number[], factor: number): NdArray => {
    const data = new Float32Array(size * size);
    for (let i = 0; i < size; i++) data[i * (size + 1)] = at.includes(i) ? factor : 1;
    return ndarray(data, [size, size]);
  };
  const topology = { ...model.topology, config: { ...model.topology.config, layers: [...rewired, ...masks] } };
  const open = readers.map(reader => [name(reader), [diagonal([], 1)]] as const);
  const net = materialize({ topology, weights: new Map([...model.weights, ...open]) });
  const probes = inputs.map(tensorOf);
  const flows = readers.map(reader => net.getLayer(name(reader)).output as layers.SymbolicTensor);
  const watch = layers.model({ inputs: net.inputs, outputs: flows });
  const run = (of: layers.LayersModel): Float32Array[] =>
    tf.tidy(() => [of.predict(probes)].flat().map(output => output.dataSync().slice() as Float32Array));
  return {
    given: run(watch),
    logits(at, factors) {
      tf.tidy(() => readers.forEach((reader, i) => net.getLayer(name(reader)).setWeights([tensorOf(diagonal(at, factors[i]))]))); // prettier-ignore
      return run(net)[0];
    },
    dispose() {
      tf.dispose(probes);
      net.dispose();
    },
  };
}

/** The cross-entropy of each example, a mean over its places; targets are `[examples, places]`. */
export function lossesOf(logits: Float32Array, { data: targets, shape }: NdArray): number[] {
  const classes = logits.length / targets.length;
  const places = targets.length / shape[0];
  const nats = Array.from(targets, (target, i) => {
    const row = Array.from(logits.subarray(classes * i, classes * (i + 1)));
    return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[target];
  });
  return Array.from({ length: shape[0] }, (_, n) => nats.slice(n * places, (n + 1) * places).reduce((a, b) => a + b, 0) / places); // prettier-ignore
}
