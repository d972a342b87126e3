/**
 * bench: what is fast and what is not, measured. Knows lib and tf.js; nothing in lib knows bench.
 * This file: timing alternatives side by side, a table for people and a JSON file for machines.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { version_core } from '@tensorflow/tfjs-core';

/** One of several ways to do the same work. */
export interface Contender {
  readonly name: string;
  readonly run: () => void;
}

export interface Timing {
  readonly name: string;
  /** Milliseconds. */
  readonly median: number;
  /** Distance of the quartiles over the median: 0.1 = half of the runs lie within 10 %. */
  readonly spread: number;
}

/**
 * Times the contenders in turns (A B A B ...), so that whatever else the machine does meets all of them alike. Each runs once unmeasured and
 * then at least `rounds` times, more for short work.
 */
export function compare(contenders: readonly Contender[], { rounds = 9, atLeast = 300 } = {}): Timing[] {
  contenders.forEach(({ run }) => run());
  const times = contenders.map((): number[] => []);
  const start = performance.now();
  for (let round = 0; round < rounds || (performance.now() - start < atLeast && round < 200); round++) {
    contenders.forEach(({ run }, i) => times[i].push(timed(run)));
  }
  return contenders.map(({ name }, i) => summary(name, times[i]));
}

export interface Added {
  readonly name: string;
  /** What it adds to the first contender, as a share of that: the median of the rounds and the interval around it, see {@link medianWithin}. */
  readonly wall: Within;
  /** The same of the time that all threads of the process computed, which other processes disturb less. */
  readonly cpu: Within;
}

/**
 * What each contender after the first takes more than the first, for differences too small for {@link compare}. A round runs all of them
 * there and back (A B C C B A, then B C A A C B, ...), so that drift falls on each alike, and gives one ratio of the two sums.
 */
export function comparePairs(contenders: readonly Contender[], rounds: number): Added[] {
  contenders.forEach(({ run }) => (run(), run()));
  const ratios = contenders.map((): { wall: number; cpu: number }[] => []);
  for (let round = 0; round < rounds; round++) {
    const order = contenders.map((_, i) => (i + round) % contenders.length);
    const sums = contenders.map(() => ({ wall: 0, cpu: 0 }));
    for (const i of [...order, ...order.reverse()]) {
      const before = process.cpuUsage();
      sums[i].wall += timed(contenders[i].run);
      const { user, system } = process.cpuUsage(before);
      sums[i].cpu += user + system;
    }
    sums.forEach(({ wall, cpu }, i) => ratios[i].push({ wall: wall / sums[0].wall - 1, cpu: cpu / sums[0].cpu - 1 }));
  }
  return contenders.slice(1).map(({ name }, i) => ({
    name,
    wall: medianWithin(ratios[i + 1].map(({ wall }) => wall)),
    cpu: medianWithin(ratios[i + 1].map(({ cpu }) => cpu)),
  }));
}

export interface Within {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Median and the two order statistics that have the true one between them in 95 of 100 series, whatever the distribution. */
export function medianWithin(values: readonly number[]): Within {
  const sorted = [...values].sort((a, b) => a - b);
  const { length } = sorted;
  const median = (sorted[Math.floor((length - 1) / 2)] + sorted[Math.floor(length / 2)]) / 2;
  const outside = Math.max(0, Math.floor(length / 2 - 0.98 * Math.sqrt(length)) - 1);
  return { median, least: sorted[outside], most: sorted[length - 1 - outside] };
}

export interface Slope {
  readonly slope: number;
  /** The slope is this far off at most in 95 of 100 series, if what lies beside the line is independent noise. */
  readonly margin: number;
}

/** Slope of the line of least squares through some sixteen points. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): Slope {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x0, y0] = [mean(([x]) => x), mean(([, y]) => y)];
  const width = mean(([x]) => (x - x0) ** 2);
  const slope = mean(([x, y]) => (x - x0) * (y - y0)) / width;
  const beside = mean(([x, y]) => (y - y0 - slope * (x - x0)) ** 2);
  return { slope, margin: 2.14 * Math.sqrt(beside / width / (points.length - 2)) }; // Student's t of 14 degrees of freedom
}

/** Median and spread of measured milliseconds. */
export function summary(name: string, times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  const median = quantile(0.5);
  return { name, median, spread: (quantile(0.75) - quantile(0.25)) / median };
}

export function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** Those of `names` that stand on the command line; all where none does. */
export function chosen<T extends string>(names: readonly T[]): readonly T[] {
  const some = names.filter(name => process.argv.includes(name));
  return some.length > 0 ? some : names;
}

/** Prints rows under headers, the first column to the left, numbers with three digits. */
export function printTable(headers: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = [headers, ...rows.map(row => row.map(cell => (typeof cell === 'number' ? threeDigits(cell) : cell)))];
  const widths = headers.map((_, i) => Math.max(...cells.map(row => row[i].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  console.log(cells.map(line).join('\n') + '\n');
}

/** Writes `out/bench/<name>.json` with what the machine is. */
export function writeResults(name: string, results: unknown): void {
  const machine = {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    node: process.version,
    tfjs: version_core,
  };
  mkdirSync('out/bench', { recursive: true });
  writeFileSync(
    `out/bench/${name}.json`,
    JSON.stringify({ machine, date: new Date().toISOString(), results }, null, 2) + '\n',
  );
}

function threeDigits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
