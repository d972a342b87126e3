/**
 * BatchMatMul: the stock kernel is fast (30 GFLOP/s) for one product of two plain matrices only. A batch, or a transposed side as in the
 * gradient of every Dense layer, falls into a scalar loop fifteen times slower. Here both become plain products.
 *
 * A bug of the stock kernel goes with it: it keeps the packed right-hand side by memory and not by shape, so a matrix that was reshaped
 * after its first use was silently multiplied in its old shape.
 */
import type { BatchMatMulAttrs, BatchMatMulInputs, KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import { broadcast_util, util } from '@tensorflow/tfjs-core';
import type { KernelCall, WasmBackend } from './wasm';
import { allocate, asKernelFunc, floats, free, permuted, reshaped, zeros } from './wasm';

type MatMulCall = KernelCall<BatchMatMulInputs, BatchMatMulAttrs>;
type Stock = (call: MatMulCall) => TensorInfo;

/** The replacement, which calls the stock kernel for what that does well. */
export function fastMatMul(config: KernelConfig): KernelConfig {
  const stock = rememberingShapes(config.kernelFunc as unknown as Stock);
  return { ...config, kernelFunc: asKernelFunc((call: MatMulCall) => matMul(call, stock)) };
}

/** _FusedMatMul, which has the same bug and the same store of packed sides. */
export function soundFusedMatMul(config: KernelConfig): KernelConfig {
  return { ...config, kernelFunc: asKernelFunc(rememberingShapes(config.kernelFunc as unknown as Stock)) };
}

function matMul(call: MatMulCall, stock: Stock): TensorInfo {
  const { inputs, backend, attrs } = call;
  const { a, b } = inputs as Record<'a' | 'b', TensorInfo>;
  const [outerA, outerB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
  const [m, innerA] = sides(a, attrs.transposeA);
  const [n, k] = sides(b, !attrs.transposeB);
  const shape = [...outer, m, n];
  const sameBatch = util.arraysEqual(outerA, outerB);
  const isPlain = util.sizeFromShape(outer) === 1 && !attrs.transposeA && !attrs.transposeB;
  if (innerA !== k || (sameBatch && (isPlain || !isWorthPacking(m, k, n)))) return stock(call);
  if (k * util.sizeFromShape(shape) === 0) return zeros(backend, shape);
  const left = attrs.transposeA ? lastTwoSwapped(backend, a) : a;
  const right = attrs.transposeB ? lastTwoSwapped(backend, b) : b;
  const plain = (x: TensorInfo, y: TensorInfo, rows: number): TensorInfo =>
    stock({
      inputs: { a: reshaped(x, [1, rows, k]), b: reshaped(y, [1, k, n]) },
      backend,
      attrs: { transposeA: false, transposeB: false },
    });
  const out =
    util.sizeFromShape(outerB) === 1
      ? plain(left, right, util.sizeFromShape(outerA) * m)
      : eachProduct(backend, left, right, [outerA, outerB, outer], [m, k, n], plain);
  if (left !== a) free(backend, left);
  if (right !== b) free(backend, right);
  return reshaped(out, shape);
}

/** A product's own axis and its inner one, swapped back where it is given transposed. */
function sides({ shape }: TensorInfo, transposed: boolean): [number, number] {
  const [first, last] = shape.slice(-2);
  return transposed ? [last, first] : [first, last];
}

/** Measured: transposing and packing costs about as much as six rows of the scalar loop, and twelve microseconds. */
function isWorthPacking(m: number, k: number, n: number): boolean {
  return k * n * (m - 6) > 8192;
}

function lastTwoSwapped(backend: WasmBackend, { shape, ...tensor }: TensorInfo): TensorInfo {
  const [rows, columns] = shape.slice(-2);
  const swapped = permuted(
    backend,
    { shape, ...tensor },
    [util.sizeFromShape(shape) / (rows * columns), rows, columns],
    [0, 2, 1],
  );
  return reshaped(swapped, [...shape.slice(0, -2), columns, rows]);
}

/** One plain product for each element of the (broadcast) batch, on copies: the copying is small beside the product. */
function eachProduct(
  backend: WasmBackend,
  left: TensorInfo,
  right: TensorInfo,
  [outerA, outerB, outer]: readonly number[][],
  [m, k, n]: readonly number[],
  plain: (x: TensorInfo, y: TensorInfo, rows: number) => TensorInfo,
): TensorInfo {
  const out = allocate(backend, [util.sizeFromShape(outer), m, n]);
  const x = allocate(backend, [m, k]);
  for (let i = 0; i < out.shape[0]; i++) {
    const y = allocate(backend, [k, n]); // anew each time: the backend keeps the packed form of a right-hand side until it is freed
    const [fromA, fromB] = [sourceOf(i, outer, outerA) * m * k, sourceOf(i, outer, outerB) * k * n];
    floats(backend, x).set(floats(backend, left).subarray(fromA, fromA + m * k));
    floats(backend, y).set(floats(backend, right).subarray(fromB, fromB + k * n));
    const part = plain(x, y, m);
    floats(backend, out).set(floats(backend, part), i * m * n);
    free(backend, y, part);
  }
  free(backend, x);
  return out;
}

/** Which element of a batch `shape` is read for element `index` of the batch `broadcast` from it. */
function sourceOf(index: number, broadcast: readonly number[], shape: readonly number[]): number {
  let source = 0;
  let stride = 1;
  for (let axis = 1; axis <= shape.length; axis++) {
    const size = broadcast[broadcast.length - axis];
    const own = shape[shape.length - axis];
    source += own === 1 ? 0 : (index % size) * stride;
    stride *= own;
    index = Math.floor(index / size);
  }
  return source;
}

/** Columns of right-hand sides when they were first used. */
const shapes = new WeakMap<object, number>();

/** The stock kernel, given a copy where the right-hand side was used in another shape before. */
function rememberingShapes(stock: Stock): Stock {
  return call => {
    const { inputs, backend, attrs } = call;
    const b = inputs.b as TensorInfo;
    if (attrs.transposeA || attrs.transposeB || b.shape.slice(0, -2).some(size => size !== 1)) return stock(call);
    const [columns] = b.shape.slice(-1);
    const before = shapes.get(b.dataId);
    if (before === undefined) shapes.set(b.dataId, columns);
    if (before === undefined || before === columns) return stock(call);
    const copy = allocate(backend, b.shape);
    floats(backend, copy).set(floats(backend, b));
    const out = stock({ ...call, inputs: { ...inputs, b: copy } });
    free(backend, copy);
    return out;
  };
}
