/** How safetensors store numbers, and those of them that become float32. */
import { toFloat16 } from './float16';

/** Bits a value takes, for every dtype that the format knows. */
export const BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type StoredType = keyof typeof BITS;

/** Those that can be read as float32 without loss, and written. */
export type FloatType = 'F32' | 'F16' | 'BF16';

export const FLOAT_TYPES: readonly FloatType[] = ['F32', 'F16', 'BF16'];

export function isFloatType(dtype: string): dtype is FloatType {
  return (FLOAT_TYPES as readonly string[]).includes(dtype);
}

/** `bytes`, little-endian, as float32: exact for all three types. Shares memory with `bytes` where they are F32 and aligned. */
export function decodeFloats(bytes: Uint8Array, dtype: FloatType): Float32Array {
  const width = BITS[dtype] / 8;
  const own = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const length = own.length / width;
  if (dtype === 'F32') return new Float32Array(own.buffer, own.byteOffset, length);
  const stored = new Uint16Array(own.buffer, own.byteOffset, length);
  const values = new Float32Array(length);
  if (dtype === 'BF16') {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < length; i++) bits[i] = stored[i] << 16;
  } else {
    const table = float16Values();
    for (let i = 0; i < length; i++) values[i] = table[stored[i]];
  }
  return values;
}

/** `values` as bytes of `dtype`, little-endian, each rounded to the nearest, ties to even; infinite where the type ends. */
export function encodeFloats(values: Float32Array, dtype: FloatType): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const stored = new Uint16Array(values.length);
  if (dtype === 'F16') {
    for (let i = 0; i < values.length; i++) stored[i] = toFloat16(values[i]);
  } else {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) stored[i] = toBfloat16(bits[i]);
  }
  return new Uint8Array(stored.buffer);
}

/** The bits of a float32 without their lower half; what is not a number must not become infinite. */
function toBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

let table: Float32Array | undefined;

/** The value of each of the 65,536 float16. */
function float16Values(): Float32Array {
  return (table ??= Float32Array.from({ length: 0x10000 }, (_, half) => {
    const [sign, exponent, fraction] = [half >>> 15 ? -1 : 1, (half >>> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  }));
}
