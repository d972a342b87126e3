/** Comparing large arrays, for which jest takes a minute. */
import type { TypedArray } from '../../lib/core/array';

export function sameBytes(a: TypedArray, b: TypedArray): boolean {
  return bytesOf(a).equals(bytesOf(b));
}

function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
