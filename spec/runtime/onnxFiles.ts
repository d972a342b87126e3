/**
 * A process of its own, as onnxruntime-web is an ES module with WASM: `FOLDER NAME...` writes these small nets (default: all), runs them in
 * onnxruntime and compares. Prints, by net, the largest difference or the refusal.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-web';
import { PruneError, saveOnnx, useBackend } from '../../lib';
import { relativeError, type NdArray } from '../../lib/core/array';
import { probeInputs } from '../../lib/runtime/probes';
import { toTensor } from '../../lib/runtime/tensors';
import { NETS } from '../zoo/nets';

ort.env.wasm.numThreads = 1;

export async function differs(model: LayersModel, file: string): Promise<number> {
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)), { logSeverityLevel: 3 });
  let far = 0;
  for (const batch of [1, 3]) {
    const probes = probeInputs(model, batch, batch);
    const feeds = Object.fromEntries(probes.map((_, i) => [session.inputNames[i], fed(probes[i], model.inputs[i].dtype)])); // prettier-ignore
    const got = await session.run(feeds);
    const tensors = probes.map(toTensor);
    const want = [model.predict(tensors)].flat();
    want.forEach((tensor, i) => {
      const { dims, data } = got[session.outputNames[i]];
      const same = String(dims) === String(tensor.shape);
      far = Math.max(far, same ? relativeError(data as Float32Array, tensor.dataSync()) : Infinity);
    });
    tf.dispose([tensors, want]);
  }
  await session.release();
  return far;
}

/** Whole numbers as floats, where that is what the model takes. */
function fed({ data, shape }: NdArray, dtype: string): ort.Tensor {
  return dtype === 'int32' ? new ort.Tensor('int32', Int32Array.from(data), shape) : new ort.Tensor('float32', Float32Array.from(data), shape); // prettier-ignore
}

async function main(): Promise<void> {
  const [folder, ...names] = process.argv.slice(2);
  await useBackend('cpu');
  const told: Record<string, number | string> = {};
  for (const name of names.length > 0 ? names : Object.keys(NETS)) {
    const model = NETS[name]();
    const path = join(folder, `${name}.onnx`);
    try {
      await saveOnnx(model, path);
      told[name] = await differs(model, path);
    } catch (error) {
      told[name] = error instanceof PruneError ? error.message : `!! ${String(error)}`;
    }
    model.dispose();
  }
  console.log(JSON.stringify(told, undefined, 1));
}

void main();
