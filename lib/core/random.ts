/** Seeded random numbers: every random choice of the library comes from here. */
import seedrandom from 'seedrandom';

export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Uniform integer in [0, below). */
  integer(below: number): number;
  /** A random order of 0 .. length - 1 (Fisher-Yates). */
  permutation(length: number): Int32Array;
}

/** The stream of `seed` and `labels`; other labels give an independent stream, so that adding one use never shifts another. */
export function random(seed: number, ...labels: (string | number)[]): Random {
  const uniform = seedrandom([seed, ...labels].join('/'));
  const integer = (below: number): number => Math.floor(uniform() * below);
  return {
    uniform: () => uniform(),
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    permutation(length) {
      const order = Int32Array.from({ length }, (_, i) => i);
      for (let i = length - 1; i > 0; i--) {
        const j = integer(i + 1);
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    },
  };
}
