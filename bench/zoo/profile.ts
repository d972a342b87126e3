/** Where the time of a computation goes, kernel by kernel. */
import * as tf from '@tensorflow/tfjs-core';
import { replaceKernel } from '../../lib/kernels/replace';
import { timed } from '../harness';

export interface Share {
  readonly name: string;
  readonly ms: number;
  readonly calls: number;
}

/**
 * Time by kernel on WASM, of a run, as the mean of `runs`; without what it spends in the kernels it calls, which are listed as
 * `caller > kernel`. Elementwise products are told apart by rank.
 */
export function profiled(run: () => void, runs = 1): Share[] {
  const shares = new Map<string, { ms: number; calls: number }>();
  const stack: { name: string; inside: number }[] = [];
  const stock = tf.getKernelsForBackend('wasm');
  for (const config of stock) {
    const kernelFunc: tf.KernelFunc = call => {
      const parent = stack[stack.length - 1];
      const name = config.kernelName === tf.Multiply ? `${tf.Multiply} ${rankOf(call.inputs)}-D` : config.kernelName;
      const frame = { name: parent ? `${parent.name} > ${name}` : name, inside: 0 };
      stack.push(frame);
      const start = performance.now();
      const out = config.kernelFunc(call);
      const ms = performance.now() - start;
      stack.pop();
      if (parent) parent.inside += ms;
      const share = shares.get(frame.name) ?? { ms: 0, calls: 0 };
      shares.set(frame.name, { ms: share.ms + ms - frame.inside, calls: share.calls + 1 });
      return out;
    };
    replaceKernel({ ...config, kernelFunc });
  }
  let whole = 0;
  for (let i = 0; i < runs; i++) whole += timed(run);
  stock.forEach(replaceKernel);
  const list = [...shares].map(([name, { ms, calls }]) => ({ name, ms: ms / runs, calls: calls / runs }));
  const outside = whole / runs - list.reduce((sum, { ms }) => sum + ms, 0);
  return [...list, { name: 'outside of kernels', ms: outside, calls: 1 }].sort((a, b) => b.ms - a.ms);
}

function rankOf(inputs: tf.NamedTensorInfoMap): number {
  return Math.max(...Object.values(inputs).map(input => (input as tf.TensorInfo).shape.length));
}
