/** Half precision: 1 sign, 5 exponent and 10 fraction bits. */

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** The bits of the float16 nearest to the float32 `value`, ties to even; infinite beyond 65,520. */
export function toFloat16(value: number): number {
  FLOAT[0] = value;
  const sign = (BITS[0] >>> 16) & 0x8000;
  const size = BITS[0] & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00; // not a number
  if (size >= 0x477ff000) return sign | 0x7c00; // from 65,520 on infinite
  // Below the least normal number, 2^-14, steps are 2^-24.
  if (size < 0x38800000) return sign | roundToEven(Math.abs(FLOAT[0]) * 2 ** 24);
  // Exponent bias 127 becomes 15. A fraction that rounds up to 2 carries into the exponent, as it should.
  const rounded = size + 0xfff + ((size >>> 13) & 1);
  return sign | ((rounded - (112 << 23)) >>> 13);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
