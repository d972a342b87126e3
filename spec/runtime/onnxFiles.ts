/**
 * A process of its own, as onnxruntime-web is an ES module with WASM: `FOLDER RUNS SEED` writes nets into the folder, runs them in onnxruntime and
 * compares, at two batch sizes and two of every size that a net leaves open. Prints, by net, the largest difference or the refusal.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import * as ort from 'onnxruntime-web';
import { loadBert, loadLlama, loadVit, materialize, PruneError, saveOnnx, useBackend } from '../../lib';
import { gather, relativeError, type NdArray } from '../../lib/core/array';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { probeInputs } from '../../lib/runtime/probes';
import { toTensor } from '../../lib/runtime/tensors';
import { buildNet, ZOO } from '../../bench/zoo';
import { fixture } from '../models/fixtures';
import { INSTEAD, SETTINGS } from '../onnx/nets';
import { NETS } from '../zoo/nets';
import { ownTransformer, SWITCHES } from '../zoo/ownTransformer';
import type { Net } from '../zoo/parts';
import { build, recipes } from '../zoo/random';
import { randomRemoval } from '../zoo/removal';
import { randomize } from '../zoo/weights';

ort.env.wasm.numThreads = 1;

type Make = () => LayersModel | Promise<LayersModel>;
type Makers = Readonly<Record<string, Make>>;

/** Batch, and the places along open sizes. */
const SIZES = [[1, 7], [3, 4]] as const; // prettier-ignore

function inputsFor(model: LayersModel, batch: number, open: number): NdArray[] {
  return probeInputs(model, batch, batch).map((probe, i) => {
    const { shape } = model.inputs[i];
    const places = [...Array(open).keys()];
    return shape.reduce(
      (array, size, axis) => (axis > 0 && size === null ? gather(array, axis, places) : array),
      probe,
    );
  });
}

/** Of the type that the model says: tf.js takes whole numbers for floats. */
function fed({ data, shape }: NdArray, dtype: string): ort.Tensor {
  return dtype === 'int32'
    ? new ort.Tensor('int32', Int32Array.from(data), shape)
    : new ort.Tensor('float32', Float32Array.from(data), shape);
}

/** Largest difference of what onnxruntime computes from what `model` does; also written beside the file, for onnxruntime in Python. */
async function differs(model: LayersModel, file: string): Promise<number> {
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)), { logSeverityLevel: 3 });
  let far = 0;
  const cases: unknown[] = [];
  for (const [batch, open] of SIZES) {
    const probes = inputsFor(model, batch, open);
    const feeds = probes.map((probe, i) => [session.inputNames[i], fed(probe, model.inputs[i].dtype)] as const);
    const got = await session.run(Object.fromEntries(feeds));
    const tensors = probes.map(toTensor);
    const wanted = [model.predict(tensors)].flat();
    wanted.forEach((tensor, i) => {
      const { dims, data } = got[session.outputNames[i]];
      const isSame = String(dims) === String(tensor.shape);
      far = Math.max(far, isSame ? relativeError(data as Float32Array, tensor.dataSync()) : Infinity);
    });
    cases.push({ inputs: probes.map(({ data, shape }, i) => ({ data: [...data], shape, dtype: model.inputs[i].dtype })), outputs: wanted.map(tensor => [...tensor.dataSync()]) }); // prettier-ignore
    tf.dispose([tensors, wanted]);
  }
  await session.release();
  writeFileSync(file.replace('.onnx', '.json'), JSON.stringify(cases));
  return far;
}

let leaked = 0;

async function told(folder: string, makers: Makers, instead: Readonly<Record<string, Net>> = {}) {
  const results: Record<string, number | string> = {};
  for (const [name, make] of Object.entries(makers)) {
    const model = await make();
    const wanted = instead[name]?.() ?? model;
    const { numTensors } = tf.memory();
    const file = join(folder, `${name}.onnx`);
    try {
      await saveOnnx(model, file);
      results[name] = await differs(wanted, file);
    } catch (error) {
      if (!(error instanceof PruneError)) throw new Error(name, { cause: error });
      results[name] = error.message;
    }
    leaked += tf.memory().numTensors - numTensors;
    for (const each of new Set([model, wanted])) each.dispose();
  }
  return results;
}

/** `make` with about half of its units gone. */
function pruned(make: Make): Make {
  return async () => {
    const whole = await make();
    const model = await capture(whole);
    whole.dispose();
    const traced = trace(model);
    const removals = [1, 2, 3, 4].map(seed => randomRemoval(groupsOf(traced), seed));
    const largest = removals.reduce((most, removed) => (removed.size > most.size ? removed : most));
    return materialize(slice(model, traced, largest));
  };
}

const transformers: Makers = {
  tiedLlama: async () => (await loadLlama(fixture('llama-tied'))).model,
  untiedLlama: async () => (await loadLlama(fixture('llama-untied'), { units: 'dimensions' })).model,
  hiddenBert: async () => (await loadBert(fixture('bert'))).model,
  pooledBert: async () => (await loadBert(fixture('bert'), { head: 'pooler' })).model,
  classifyingBert: async () => (await loadBert(fixture('bert'), { head: 'classifier' })).model,
  maskedBert: async () => (await loadBert(fixture('bert-masked'), { head: 'maskedLM' })).model,
  untiedBert: async () => (await loadBert(fixture('bert-untied'), { head: 'maskedLM' })).model,
  classifyingVit: async () => (await loadVit(fixture('vit'))).model,
  hiddenVit: async () => (await loadVit(fixture('vit'), { head: 'hidden' })).model,
  pooledVit: async () => (await loadVit(fixture('vit-pooler'), { head: 'pooler' })).model,
};

const transformerRecipes = fc.record({
  blocks: fc.constant(1),
  kvHeads: fc.integer({ min: 1, max: 3 }),
  queries: fc.integer({ min: 1, max: 3 }),
  norm: fc.constantFrom('rms' as const, 'layer' as const, 'stock' as const),
  ...SWITCHES,
  time: fc.constantFrom(null, 5),
});

function named(word: string, makers: readonly Make[]): Makers {
  return Object.fromEntries(makers.map((make, i) => [`${word}${i}`, make]));
}

function prunedOnes(makers: Makers): Makers {
  return Object.fromEntries(Object.entries(makers).map(([name, make]) => [`${name}-pruned`, pruned(make)]));
}

async function main(): Promise<void> {
  const [folder, runs, seed] = process.argv.slice(2);
  const drawn = { numRuns: Number(runs), seed: Number(seed) };
  await useBackend('cpu');
  const own = fc.sample(transformerRecipes, drawn).map(({ queries, ...recipe }, i) => () => randomize(ownTransformer({ ...recipe, heads: recipe.kvHeads * queries }), i)); // prettier-ignore
  const random = named('random', fc.sample(recipes(), drawn).map(recipe => () => build(recipe))); // prettier-ignore
  const results = {
    zoo: await told(folder, NETS),
    settings: await told(folder, SETTINGS, INSTEAD),
    random: await told(folder, random),
    published: await told(folder, Object.fromEntries(Object.keys(ZOO).map(name => [`published-${name}`, () => buildNet(name, 'small')]))), // prettier-ignore
    transformers: await told(folder, { ...transformers, ...named('own', own) }),
    pruned: await told(folder, prunedOnes({ ...NETS, ...transformers, ...random, ...named('own', own) })),
  };
  console.log(JSON.stringify({ results, leaked }));
}

void main();
