/** Whether the addon works: it trains a small net in a process of its own. */
import { PruneError } from '../core/errors';
import type { Addon } from './addon';
import type { Machine } from './machine';

export interface Tried {
  readonly tensorflow: string;
  readonly device: 'cpu' | 'gpu';
  /** Why there is no GPU, in a few words, where TensorFlow says so. */
  readonly noGpu?: string;
}

/** Runs in the other process, which knows nothing of this one; the two functions are those that Node.js 23 removed. */
const SCRIPT = `
  const util = require('util');
  util.isNullOrUndefined ??= value => value == null;
  util.isArray ??= Array.isArray;
  const tf = require(process.argv[1]);
  const { conv2d, batchNormalization, flatten, dense } = tf.layers;
  (async () => {
    const model = tf.sequential({ layers: [
      conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 1], activation: 'relu' }),
      batchNormalization(), flatten(), dense({ units: 1 }),
    ] });
    model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError' });
    const x = tf.randomNormal([32, 8, 8, 1], 0, 1, 'float32', 1);
    const { history } = await model.fit(x, tf.mean(x, [1, 2]), { epochs: 8, verbose: 0 });
    const { binding, isUsingGpuDevice } = tf.backend();
    console.log('\\n' + JSON.stringify({ version: binding.TF_Version, gpu: isUsingGpuDevice === true, losses: history.loss }));
  })().catch(error => { console.error(error); process.exit(1); });
`;

/** @throws PruneError `no-backend` when it does not load or does not learn. */
export async function tryOut(machine: Machine, { folder, name }: Pick<Addon, 'folder' | 'name'>): Promise<Tried> {
  const env = { TF_FORCE_GPU_ALLOW_GROWTH: 'true', TF_CPP_MIN_LOG_LEVEL: '0' };
  const { code, out, error } = await machine.run(machine.execPath, ['-e', SCRIPT, folder], { env });
  const result = code === 0 ? parse(out) : undefined;
  if (result === undefined) throw broken(name, reasonIn(error));
  const { version: tensorflow, gpu, losses } = result;
  const [first, last] = [losses[0], losses[losses.length - 1]];
  if (!(last < first)) throw broken(name, `a loss that went from ${first} to ${last}`);
  return { tensorflow, device: gpu ? 'gpu' : 'cpu', ...(!gpu && { noGpu: noGpuIn(error) }) };
}

interface Result {
  readonly version: string;
  readonly gpu: boolean;
  readonly losses: readonly number[];
}

function parse(out: string): Result | undefined {
  try {
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as Result;
  } catch {
    return undefined;
  }
}

function broken(place: string, got: string): PruneError {
  const cure = 'Run setup-native with another wheel (--wheel FILE), or use useBackend("wasm").';
  return new PruneError('no-backend', { place, expected: 'a small net to learn', got, cure });
}

function reasonIn(error: string): string {
  const line = error.split('\n').find(text => /^\w*Error: /.test(text)) ?? error.trim().split('\n').at(-1) ?? '';
  return `"${line.trim().replace(/\.$/, '')}"`;
}

function noGpuIn(error: string): string | undefined {
  if (/Cannot dlopen some GPU libraries/.test(error)) return 'its CUDA libraries do not load';
  if (/failed call to cuInit|no CUDA-capable device|Could not find cuda drivers/.test(error)) {
    return 'there is no NVIDIA driver, or no GPU that it shows';
  }
  return undefined;
}
