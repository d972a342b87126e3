/** Which positions of a head turn together, and how fast. */

/** half: dimension i turns with i + size / 2 (Hugging Face). interleaved: 2 i with 2 i + 1 (llama2.c). */
export type RotaryLayout = 'half' | 'interleaved';
export const ROTARY_LAYOUTS: readonly RotaryLayout[] = ['half', 'interleaved'];

/** A rotary embedding. The angle of pair i at position t is `t * frequencies[i]`; a frequency of 0 leaves its pair alone. */
export interface Rotary {
  readonly layout: RotaryLayout;
  /** One per pair: kept as numbers, so that pairs can go and the others still turn as they did. */
  readonly frequencies: readonly number[];
}

/** `base^(-2 i / size)` for the pairs of a head of `size` dimensions. */
export function rotaryFrequencies(size: number, base = 10000): number[] {
  return Array.from({ length: size / 2 }, (_, i) => base ** ((-2 * i) / size));
}

/** `of` the angle of each pair at `time` places from `start` on, `[time, pairs]`. */
export function rotaryTable(
  frequencies: readonly number[],
  { start = 0, time, of }: { readonly start?: number; readonly time: number; readonly of: (angle: number) => number },
): Float32Array {
  const pairs = frequencies.length;
  const angle = (i: number): number => (start + Math.floor(i / pairs)) * frequencies[i % pairs];
  return Float32Array.from({ length: time * pairs }, (_, i) => of(angle(i)));
}

/** For each dimension of a head of `size` the number of its pair; without rotary each dimension stands alone. */
export function pairsOf(size: number, rotary: Rotary | undefined): Int32Array {
  const pairOf = (dimension: number): number => {
    if (rotary === undefined) return dimension;
    return rotary.layout === 'half' ? dimension % (size / 2) : Math.floor(dimension / 2);
  };
  return Int32Array.from({ length: size }, (_, dimension) => pairOf(dimension));
}
