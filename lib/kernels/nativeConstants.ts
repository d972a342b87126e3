/** Small tensors that operations of TensorFlow take beside their data: shapes, axes, factors. Making one takes longer than most operations. */
import type { NativeBackend } from './tensorFlow';

type Binding = NativeBackend['binding'];

/** Layers ask for the same few every time, and texts of another length for others. */
const KEPT = 512;
const held = new WeakMap<Binding, Map<string, number>>();

/** Handle of a row of integers; it stays the cache's. */
export function integers({ binding }: NativeBackend, values: readonly number[]): number {
  return handleOf(binding, `[${values.join()}]`, () =>
    binding.createTensor([values.length], binding.TF_INT32, Int32Array.from(values)),
  );
}

/** Handle of one float; it stays the cache's. */
export function float({ binding }: NativeBackend, value: number): number {
  return handleOf(binding, String(value), () => binding.createTensor([], binding.TF_FLOAT, Float32Array.of(value)));
}

/** The one asked for last stays longest. */
function handleOf(binding: Binding, key: string, make: () => number): number {
  if (!held.has(binding)) held.set(binding, new Map<string, number>());
  const own = held.get(binding)!;
  const handle = own.get(key) ?? make();
  own.delete(key);
  own.set(key, handle);
  if (own.size > KEPT) {
    const [[oldest, unused]] = own;
    own.delete(oldest);
    binding.deleteTensor(unused);
  }
  return handle;
}
