/** Texts for small language models of 19 tokens. */
import { random } from '../../lib/core/random';

/** As many windows of 8 tokens, each token the one before plus two; of those that are `free` no token tells anything. */
export function countingTexts(count: number, seed: number, free: (text: number) => boolean = () => false) {
  const draws = random(seed, 'texts');
  const all = Array.from({ length: count }, (_, text) => {
    const first = draws.integer(19);
    return Array.from({ length: 9 }, (_, i) => (free(text) ? draws.integer(19) : (first + 2 * i) % 19));
  });
  const part = (from: number) => ({
    shape: [count, 8],
    dtype: 'int32' as const,
    data: Int32Array.from(all.flatMap(text => text.slice(from, from + 8))),
  });
  return { inputs: part(0), targets: part(1) };
}
