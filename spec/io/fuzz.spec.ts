/**
 * Model files changed at random: each is refused with one clear line, or gives the outputs that plain tf.js gives; nothing else
 * is thrown, nothing hangs, and nothing stays in memory. FUZZ_RUNS=5000 FUZZ_SEED=2 for more; FUZZ_FROM to begin later.
 */
import { appendFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type * as layers from '@tensorflow/tfjs-layers';
import { PruneError } from '../../lib/core/errors';
import { random } from '../../lib/core/random';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { materialize } from '../../lib/runtime/materialize';
import { CPU_KERNELS } from '../backend';
import { newFolder, plainLoad, removeFolders } from './folder';
import { baseFiles, mutate, writeFiles } from './mutants';

const { FUZZ_RUNS = '300', FUZZ_SEED = '1', FUZZ_FROM = '0', FUZZ_LOG } = process.env;
const RUNS = Number(FUZZ_RUNS);
/** Seconds of computing; by the clock other work on the machine counts too. */
const SLOWEST = 3;
const MOST_KILOBYTES = 1e6;
/** Larger models are loaded, but not run. */
const MOST_ELEMENTS = 2e5;

jest.setTimeout(60_000 + 5000 * RUNS);

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
  // tf.js warns of what it takes in its stride.
  jest.spyOn(console, 'warn').mockImplementation(() => undefined);
});
afterAll(() => {
  jest.restoreAllMocks();
  removeFolders();
});

type Outcome = 'refused' | 'same as tf.js' | 'same after saving' | 'tf.js reads neither' | 'too large to run';

test(`${FUZZ_RUNS} files changed at random, seed ${FUZZ_SEED}`, async () => {
  const bases = await baseFiles();
  const [folder, again] = [newFolder(), newFolder()];
  const outcomes: Partial<Record<Outcome, number>> = {};
  const failures: string[] = [];
  const memory = process.resourceUsage().maxRSS;
  for (let run = Number(FUZZ_FROM); run < Number(FUZZ_FROM) + RUNS; run++) {
    const draw = random(Number(FUZZ_SEED), 'fuzz', run);
    const base = bases[run % bases.length];
    const { files, changes } = mutate(base.files, draw);
    if (FUZZ_LOG) appendFileSync(FUZZ_LOG, `${run} ${base.name}: ${changes.join('; ')}\n`);
    writeFiles(folder, files);
    const start = process.cpuUsage();
    try {
      const outcome = await judge(folder, again);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    } catch (error) {
      failures.push(`${run} ${base.name}: ${changes.join('; ')}: ${String((error as Error).stack).slice(0, 3000)}`);
    }
    const seconds = process.cpuUsage(start).user / 1e6;
    if (seconds > SLOWEST) failures.push(`${run} ${base.name}: ${changes.join('; ')}: took ${seconds} s`);
    disposeVariables();
  }
  if (FUZZ_LOG) appendFileSync(FUZZ_LOG, `${JSON.stringify(outcomes)}\n${failures.join('\n')}\n`);
  expect(failures.slice(0, 10)).toEqual([]);
  expect(process.resourceUsage().maxRSS - memory).toBeLessThan(MOST_KILOBYTES);
  // For example a class of layer in the place of an initializer, which we never run.
  expect(outcomes['tf.js reads neither'] ?? 0).toBeLessThan(5 + 0.01 * RUNS);
  expect(outcomes.refused).toBeGreaterThan(0.3 * RUNS);
  expect(outcomes['same as tf.js']).toBeGreaterThan(0.1 * RUNS);
});

async function judge(folder: string, again: string): Promise<Outcome> {
  const before = tf.memory().numTensors;
  const model = await orRefusal(() => loadLayersModel(folder), requireClear);
  if (!model) {
    if (tf.memory().numTensors !== before)
      throw new Error(`${tf.memory().numTensors - before} tensors left after a refusal`);
    return 'refused';
  }
  const checkpoint = await orRefusal(() => capture(model));
  if (checkpoint) await orRefusal(async () => trace(checkpoint));
  if (sizeOf(model) > MOST_ELEMENTS) return 'too large to run';
  const got = outputsOf(model);
  const rebuilt = checkpoint && (await orRefusal(async () => materialize(checkpoint)));
  if (rebuilt) compare('rebuilt', got, outputsOf(rebuilt));
  rebuilt?.dispose();
  const outcome = await againstPlain(model, got, folder, again);
  model.dispose();
  return outcome;
}

/** What plain tf.js makes of the file, or, where it cannot read or run that, of what we save of it. */
async function againstPlain(model: layers.LayersModel, got: Outputs, folder: string, again: string): Promise<Outcome> {
  if (await equalsPlain('plain tf.js', got, folder)) return 'same as tf.js';
  await orRefusal(() => saveLayersModel(model, again));
  return (await equalsPlain('saved', got, again)) ? 'same after saving' : 'tf.js reads neither';
}

/** False where plain tf.js cannot read the file, or cannot run what we can. */
async function equalsPlain(what: string, got: Outputs, folder: string): Promise<boolean> {
  const plain = await plainLoad(folder).catch(() => undefined);
  if (!plain) return false;
  const expected = outputsOf(plain);
  plain.dispose();
  if (typeof expected === 'string' && typeof got !== 'string') return false;
  compare(what, got, expected);
  return true;
}

/** Undefined for a refusal. */
async function orRefusal<T>(action: () => Promise<T>, look?: (error: PruneError) => void): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof PruneError)) throw error;
    look?.(error);
    return undefined;
  }
}

function requireClear({ code, message }: PruneError): void {
  const clear = code === 'bad-file' && message.length < 1000 && !/\p{Cc}/u.test(message);
  if (!clear) throw new Error(`unclear: ${code} ${message.slice(0, 300)}`);
}

type Outputs = readonly (readonly number[])[] | string;

/** For one batch of numbers; the error where the model cannot be run. */
function outputsOf(model: layers.LayersModel): Outputs {
  try {
    return tf.tidy(() => {
      const inputs = model.inputs.map(({ shape, dtype }, i) => {
        const sizes = shape.map((size, axis) => size ?? (axis === 0 ? 2 : 3));
        const { normal } = random(9, i);
        const values = Float32Array.from({ length: sizes.reduce((a, b) => a * b, 1) }, () => normal());
        return tf.cast(tf.tensor(values, sizes), dtype);
      });
      return [model.predict(inputs)].flat().map(output => Array.from(output.dataSync()));
    });
  } catch (error) {
    return `cannot run: ${(error as Error).message.split('\n')[0].replace(/_\d+/g, '')}`;
  }
}

function compare(what: string, a: Outputs, b: Outputs): void {
  if (typeof a === 'string' && typeof b === 'string') return;
  if (JSON.stringify(a) !== JSON.stringify(b)) {
    throw new Error(`${what}: ${JSON.stringify(a).slice(0, 200)} is not ${JSON.stringify(b).slice(0, 200)}`);
  }
}

/** Elements of all that a forward pass of two examples makes. */
function sizeOf(model: layers.LayersModel): number {
  let size = 0;
  const visit = (layer: layers.layers.Layer): void => {
    for (const inner of (layer as Partial<layers.LayersModel>).layers ?? []) visit(inner);
    const { inboundNodes } = layer as unknown as { inboundNodes: { outputTensors: layers.SymbolicTensor[] }[] };
    for (const { outputTensors } of inboundNodes)
      for (const { shape } of outputTensors) size += shape.map(length => length ?? 3).reduce((a, b) => a * b, 1);
  };
  visit(model);
  return size;
}

/** Of models that plain tf.js did not finish. */
function disposeVariables(): void {
  for (const variable of Object.values(tf.engine().state.registeredVariables)) variable.dispose();
}
