/** Einsum of one or two tensors: transposes, one matrix product (or multiply and sum), one transpose back. */
import type { EinsumAttrs, EinsumInputs, TensorInfo } from '@tensorflow/tfjs-core';
import { backend_util, util } from '@tensorflow/tfjs-core';
import type { KernelCall, WasmBackend } from './wasm';
import { free, permuted, reshaped, run } from './wasm';

/** A tensor and the name of each axis: its place in the output, then the summed ones. */
interface Named {
  readonly tensor: TensorInfo;
  readonly names: readonly number[];
}

/** Follows `tf.einsum`: a required arrow, no ellipsis, no label twice in one term, at most two terms. */
export function einsum({ inputs, backend, attrs }: KernelCall<EinsumInputs, EinsumAttrs>): TensorInfo {
  const tensors = Object.values(inputs);
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(attrs.equation, tensors.length);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, tensors as never);
  const summed = new Set(summedDims);
  const terms = tensors.map((tensor, i) => {
    const elsewhere = idDims.filter((_, j) => j !== i).flat();
    const alone = idDims[i].filter(name => summed.has(name) && !elsewhere.includes(name));
    return summedOver(backend, { tensor, names: idDims[i] }, alone);
  });
  const joined = terms.length === 1 ? terms[0] : contracted(backend, terms[0], terms[1], summed);
  const order = allDims.map((_, name) => name).filter(name => !summed.has(name));
  const out = arranged(backend, joined, order);
  const made = [...terms, joined]
    .map(({ tensor }) => tensor)
    .filter(tensor => !tensors.includes(tensor) && tensor !== out);
  free(backend, ...new Set(made));
  if (!tensors.includes(out)) return out;
  return run(backend, 'Identity', { x: out }); // an output must not share memory with an input
}

/** Sums some axes away; the tensor itself for none. */
function summedOver(backend: WasmBackend, { tensor, names }: Named, away: readonly number[]): Named {
  if (away.length === 0) return { tensor, names };
  const axis = away.map(name => names.indexOf(name));
  return {
    tensor: run(backend, 'Sum', { x: tensor }, { axis, keepDims: false }),
    names: names.filter(name => !away.includes(name)),
  };
}

/** Puts the axes in a given order; the tensor itself where they are. */
function arranged(backend: WasmBackend, { tensor, names }: Named, order: readonly number[]): TensorInfo {
  const perm = order.map(name => names.indexOf(name));
  return perm.every((axis, i) => axis === i) ? tensor : permuted(backend, tensor, tensor.shape, perm);
}

/** The product of two tensors, summed over the shared axes that are to be summed. */
function contracted(backend: WasmBackend, a: Named, b: Named, summed: ReadonlySet<number>): Named {
  const shared = a.names.filter(name => b.names.includes(name));
  const inner = shared.filter(name => summed.has(name));
  const batch = shared.filter(name => !summed.has(name));
  const freeA = a.names.filter(name => !shared.includes(name));
  const freeB = b.names.filter(name => !shared.includes(name));
  const sizes = (term: Named, names: readonly number[]): number[] =>
    names.map(name => term.tensor.shape[term.names.indexOf(name)]);
  const left = arranged(backend, a, [...batch, ...freeA, ...inner]);
  const right = arranged(backend, b, [...batch, ...freeB, ...inner]);
  const size = [sizes(a, batch), sizes(a, freeA), sizes(b, freeB), sizes(a, inner)];
  const out = multiplied(backend, left, right, size.map(util.sizeFromShape));
  if (left !== a.tensor) free(backend, left);
  if (right !== b.tensor) free(backend, right);
  return { tensor: reshaped(out, size.slice(0, 3).flat()), names: [...batch, ...freeA, ...freeB] };
}

/** `[batch, m, k] x [batch, n, k] -> [batch, m, n]`. */
function multiplied(
  backend: WasmBackend,
  left: TensorInfo,
  right: TensorInfo,
  [batch, m, n, k]: readonly number[],
): TensorInfo {
  if (left.dtype === 'float32' && m * n > 1 && k > 1) {
    const inputs = { a: reshaped(left, [batch, m, k]), b: reshaped(right, [batch, n, k]) };
    return run(backend, 'BatchMatMul', inputs, { transposeA: false, transposeB: true });
  }
  const inputs = { a: reshaped(left, [batch, m, 1, k]), b: reshaped(right, [batch, 1, n, k]) };
  const products = run(backend, 'Multiply', inputs);
  if (k === 1) return products;
  const out = run(backend, 'Sum', { x: products }, { axis: [3], keepDims: false });
  free(backend, products);
  return out;
}
