/** Results of long experiments, kept in a file one by one, so that an experiment goes on where it was stopped. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Report } from 'tfjs-prune';
import { meanAndSpread } from './print';

/** Test accuracy in percent by what was measured, for example "seed 0, 2x, l1, cut". */
export interface Notebook {
  has(key: string): boolean;
  /** Takes an accuracy in [0, 1]. */
  note(key: string, accuracy: number): void;
  /** Mean and spread over `seeds` of what `key` names; a dash where nothing is known. */
  cell(seeds: number, key: (seed: number) => string): string;
}

export function notebook(path: string): Notebook {
  const all: Record<string, number> = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>)
    : {};
  return {
    has: key => key in all,
    note(key, accuracy) {
      all[key] = 100 * accuracy;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.part`, `${JSON.stringify(all, null, 2)}\n`);
      renameSync(`${path}.part`, path);
      console.log(`${key}: ${all[key].toFixed(2)} %`);
    },
    cell(seeds, key) {
      const known = Array.from({ length: seeds }, (_, seed) => all[key(seed)]).filter(value => value !== undefined);
      if (known.length === 0) return '-';
      const { mean, spread } = meanAndSpread(known);
      return known.length === 1 ? mean.toFixed(2) : `${mean.toFixed(2)} +- ${spread.toFixed(2)}`;
    },
  };
}

export function accuracyOf({ stages }: Report, name: string): number {
  return stages.find(stage => stage.name === name)?.accuracy ?? NaN;
}

/** Of the last stage, which is what the run gave. */
export function lastAccuracy({ stages }: Report): number {
  return stages[stages.length - 1].accuracy ?? NaN;
}
