/** Results of long experiments, kept in a file one by one, so that an experiment goes on where it was stopped. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Report } from 'tfjs-prune';
import { meanAndSpread } from './print';

/** Numbers by what was measured; test accuracy in percent, for example, by "seed 0, 2x, l1, cut". */
export interface Notebook {
  has(key: string): boolean;
  /** Takes an accuracy in [0, 1]. */
  note(key: string, accuracy: number): void;
  /** Takes the numbers of one run at once, as they are: each is kept by "key, name". */
  record(key: string, numbers: Readonly<Record<string, number>>): void;
  /** Keeps what all numbers were measured by. @throws where the file holds such as were measured otherwise. */
  settle(conditions: Readonly<Record<string, number>>): void;
  /** What is known of `key` over `seeds`. */
  values(seeds: number, key: (seed: number) => string): readonly number[];
  /** Mean and spread of these; a dash where nothing is known. */
  cell(seeds: number, key: (seed: number) => string, digits?: number): string;
}

export function notebook(path: string): Notebook {
  const all: Record<string, number> = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>)
    : {};
  const keep = (): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.part`, `${JSON.stringify(all, null, 2)}\n`);
    renameSync(`${path}.part`, path);
  };
  const values: Notebook['values'] = (seeds, key) =>
    Array.from({ length: seeds }, (_, seed) => all[key(seed)]).filter(value => value !== undefined);
  return {
    has: key => key in all,
    note(key, accuracy) {
      all[key] = 100 * accuracy;
      keep();
      console.log(`${key}: ${all[key].toFixed(2)} %`);
    },
    record(key, numbers) {
      for (const [name, number] of Object.entries(numbers)) all[`${key}, ${name}`] = Number(number.toPrecision(6));
      keep();
      const told = Object.entries(numbers).map(([name, number]) => `${name} ${number.toPrecision(4)}`);
      console.log(`${key}: ${told.join(', ')}`);
    },
    settle(conditions) {
      for (const [name, value] of Object.entries(conditions)) {
        if ((all[name] ?? value) !== value)
          throw new Error(`${path} was measured with ${name} ${all[name]}, not ${value}`);
        all[name] = value;
      }
      keep();
    },
    values,
    cell(seeds, key, digits = 2) {
      const known = values(seeds, key);
      if (known.length === 0) return '-';
      const { mean, spread } = meanAndSpread(known);
      return known.length === 1 ? mean.toFixed(digits) : `${mean.toFixed(digits)} +- ${spread.toFixed(digits)}`;
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
