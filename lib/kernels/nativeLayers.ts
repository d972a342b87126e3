/** Normalization and attention on TensorFlow for Node.js: a dozen small operations each, which would be as many kernels of tf.js. */
import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { nameOf, type FusedKernel } from './fused';
import { float, integers } from './nativeConstants';
import { attributes, compose, remembered, type NativeBackend, type NativeCall, type Run } from './tensorFlow';

type Attrs = Readonly<Record<string, number>>;
type Kernel = (call: NativeCall<Readonly<Record<string, TensorInfo | undefined>>, Attrs>) => TensorInfo;

const keeping = remembered<'dims'>(backend => attributes(backend, { keep_dims: true }));
const turnedSecond = remembered<'adj'>(backend => attributes(backend, { adj_y: true }));

/** `part` of the mean over the last axis, which stays as one place: sums are divided by a width that may be larger than what is there. */
function meanOf(backend: NativeBackend, run: Run, x: number, part: number): number {
  const mean = run('Mean', [x, integers(backend, [-1])], keeping(backend, 'dims'));
  return part === 1 ? mean : run('Mul', [mean, float(backend, part)]);
}

const rmsNorm: Kernel = ({ inputs, backend, attrs: { width, epsilon } }) => {
  const { x, gamma } = inputs as Record<string, TensorInfo>;
  const part = x.shape[x.shape.length - 1] / width;
  return compose(backend, [x, gamma], (run, [values, scale]) => {
    const meanSquare = meanOf(backend, run, run('Square', [values]), part);
    const inverse = run('Rsqrt', [run('AddV2', [meanSquare, float(backend, epsilon)])]);
    return run('Mul', [run('Mul', [values, inverse]), scale]);
  });
};

const layerNorm: Kernel = ({ inputs, backend, attrs: { width, epsilon } }) => {
  const { x, gamma, beta } = inputs as Record<string, TensorInfo>;
  const part = x.shape[x.shape.length - 1] / width;
  return compose(backend, [x, gamma, beta], (run, [values, scale, shift]) => {
    const mean = meanOf(backend, run, values, part);
    const centred = run('Sub', [values, mean]);
    let variance = meanOf(backend, run, run('Square', [centred]), part);
    if (part < 1) {
      variance = run('AddV2', [variance, run('Mul', [run('Square', [mean]), float(backend, 1 - part)])]);
    }
    const inverse = run('Rsqrt', [run('AddV2', [variance, float(backend, epsilon)])]);
    return run('AddV2', [run('Mul', [run('Mul', [centred, inverse]), scale]), shift]);
  });
};

const attend: Kernel = ({ inputs, backend, attrs: { scale } }) => {
  const { queries, keys, values, bias } = inputs as Record<'queries' | 'keys' | 'values', TensorInfo> & typeof inputs;
  const [batch, heads, time, size] = queries.shape;
  const [, groups, heard] = keys.shape;
  const given = [queries, keys, values, ...(bias ? [bias] : [])];
  return compose(backend, given, (run, [query, key, value, added]) => {
    const reshape = (x: number, shape: readonly number[]): number =>
      heads === groups ? x : run('Reshape', [x, integers(backend, shape)]);
    // The heads of a group lie one after the other, so they are rows of one product and keys need no copies.
    const rows = (heads / groups) * time;
    const asked = reshape(run('Mul', [query, float(backend, scale)]), [batch, groups, rows, size]);
    const product = run('BatchMatMulV2', [asked, key], turnedSecond(backend, 'adj'));
    const scores = reshape(product, [batch, heads, time, heard]);
    const shares = run('Softmax', [bias ? run('AddV2', [scores, added]) : scores]);
    const mixed = run('BatchMatMulV2', [reshape(shares, [batch, groups, rows, heard]), value]);
    const valueSize = values.shape[3];
    const joined = run('Transpose', [reshape(mixed, [batch, heads, time, valueSize]), integers(backend, [0, 2, 1, 3])]);
    return run('Reshape', [joined, integers(backend, [batch, time, heads * valueSize])]);
  });
};

const kernels: Readonly<Record<FusedKernel, Kernel>> = { Attend: attend, LayerNorm: layerNorm, RmsNorm: rmsNorm };

export const nativeLayers: readonly KernelConfig[] = Object.entries(kernels).map(([name, kernelFunc]) => ({
  kernelName: nameOf(name as FusedKernel),
  backendName: 'tensorflow',
  kernelFunc: kernelFunc as unknown as KernelConfig['kernelFunc'],
}));
