/** Models to save and load, and what they give. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { leafLayers, probesOf, randomize } from '../zoo/weights';

export function perceptron(units = 6): layers.LayersModel {
  const net = layers.sequential({ name: 'net' });
  net.add(layers.layers.dense({ name: 'hidden', units, inputShape: [5], activation: 'relu' }));
  net.add(layers.layers.dense({ name: 'head', units: 3, activation: 'softmax' }));
  return randomize(net);
}

/** Two branches of one input that meet again. */
export function fork(): layers.LayersModel {
  const x = layers.input({ shape: [5], name: 'x' });
  const branch = (name: string) => layers.layers.dense({ name, units: 4 }).apply(x) as layers.SymbolicTensor;
  const sum = layers.layers.add({ name: 'sum' }).apply([branch('left'), branch('right')]) as layers.SymbolicTensor;
  return randomize(layers.model({ inputs: x, outputs: sum, name: 'net' }));
}

/** Orthogonal initializers need the chained ops of the union package, hence the others. */
export function recurrent(): layers.LayersModel {
  const recurrentInitializer = 'glorotUniform';
  const net = layers.sequential({ name: 'net' });
  const cell = layers.layers.lstm({ name: 'lstm', units: 3, returnSequences: true, recurrentInitializer });
  net.add(layers.layers.bidirectional({ name: 'both', layer: cell, mergeMode: 'concat', inputShape: [4, 2] }));
  net.add(layers.layers.timeDistributed({ name: 'each', layer: layers.layers.dense({ name: 'inner', units: 2 }) }));
  net.add(layers.layers.gru({ name: 'gru', units: 3, recurrentInitializer }));
  return net;
}

/** For one fixed batch. */
export async function outputsOf(model: layers.LayersModel): Promise<number[][]> {
  const probes = probesOf(model);
  const outputs = [model.predict(probes)].flat();
  const values = await Promise.all(outputs.map(async output => Array.from(await output.data())));
  tf.dispose([probes, outputs]);
  return values;
}

/** A layer called twice outlives the `dispose()` of the model that somebody built, which lets go of it only once. */
export function disposeAll(model: layers.LayersModel): void {
  model.dispose();
  for (const layer of leafLayers(model) as unknown as { _refCount?: number; dispose(): unknown }[]) {
    while ((layer._refCount ?? 0) > 0) layer.dispose();
  }
}
