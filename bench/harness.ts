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
