/**
 * A process of its own, as h5wasm is an ES module: `save FOLDER` writes every small net that Keras knows, with inputs and outputs, `load FOLDER`
 * reads what Keras wrote of them. Prints, by net, the largest difference or the refusal.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { loadKeras, PruneError, saveKeras, useBackend } from '../../lib';
import { random } from '../../lib/core/random';
import { NETS } from '../zoo/nets';

interface Answers {
  readonly inputs: readonly {
    readonly shape: number[];
    readonly dtype: 'float32' | 'int32';
    readonly data: number[];
  }[];
  readonly outputs: readonly (readonly number[])[];
}

/** Larger than what rounding does. */
const OPEN = 5;

function outputsOf(model: LayersModel, inputs: Answers['inputs']): number[][] {
  return tf.tidy(() => {
    const tensors = inputs.map(({ data, shape, dtype }) => tf.tensor(data, shape, dtype));
    return [model.predict(tensors)].flat().map(output => [...output.dataSync()]);
  });
}

/** Whole numbers, so that they are indices too, where that is what a net takes. */
function inputsFor({ inputs, layers }: LayersModel): Answers['inputs'] {
  const looksUp = layers.some(layer => ['Embedding', 'CategoryEncoding'].includes(layer.getClassName()));
  return inputs.map(({ shape, dtype }, i) => {
    const sizes = [2, ...shape.slice(1).map(size => size ?? OPEN)];
    const { normal, integer } = random(0, 'keras', i);
    const draw = looksUp ? () => integer(3) : normal;
    const data = Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, draw);
    return { shape: sizes, dtype: dtype === 'int32' ? 'int32' : 'float32', data };
  });
}

const difference = (one: readonly (readonly number[])[], other: readonly (readonly number[])[]): number =>
  Math.max(0, ...one.flatMap((values, i) => values.map((value, j) => Math.abs(value - other[i][j]))));

/** Tensors that saving and loading left behind. */
let left = 0;

async function save(folder: string, name: string): Promise<number> {
  const model = NETS[name]();
  const path = join(folder, `${name}.h5`);
  const { numTensors } = tf.memory();
  try {
    await saveKeras(model, path);
    const inputs = inputsFor(model);
    const outputs = outputsOf(model, inputs);
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ inputs, outputs } satisfies Answers));
    const again = await loadKeras(path);
    const far = difference(outputsOf(again, inputs), outputs);
    again.dispose();
    return far;
  } finally {
    left += tf.memory().numTensors - numTensors;
    model.dispose();
  }
}

async function load(folder: string, name: string): Promise<number> {
  const { inputs, outputs } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Answers;
  const model = await loadKeras(join(folder, `${name}.back.h5`));
  const far = difference(outputsOf(model, inputs), outputs);
  model.dispose();
  return far;
}

async function main(): Promise<void> {
  const [task, folder] = process.argv.slice(2);
  await useBackend('cpu');
  const names = task === 'save' ? Object.keys(NETS) : readdirSync(folder).flatMap(file => file.match(/^(.*)\.back\.h5$/)?.[1] ?? []); // prettier-ignore
  const told: Record<string, number | string> = {};
  for (const name of names) {
    try {
      told[name] = await (task === 'save' ? save : load)(folder, name);
    } catch (error) {
      if (!(error instanceof PruneError)) throw error;
      told[name] = error.message;
    }
  }
  const refusals: string[] = [];
  for (const file of task === 'save' ? ['none.h5', 'text.h5'] : []) {
    await loadKeras(join(folder, file)).catch((error: Error) => refusals.push(error.message));
  }
  console.log(JSON.stringify({ told, refusals, left }));
}

void main();
