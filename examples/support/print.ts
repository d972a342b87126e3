/** What the examples print. */
import type { Progress } from 'tfjs-prune';
import { finalAccuracy, type Outcome } from './experiment';

const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;

/** A line that rewrites itself on a terminal; silent when piped. */
export function showProgress({ stage, done, total, detail = '' }: Progress): void {
  if (!process.stderr.isTTY) return;
  const line = `  ${stage} ${done}/${total}  ${detail}`;
  process.stderr.write(`\r${line.slice(0, 100).padEnd(100)}${done === total ? '\r'.padEnd(101) + '\r' : ''}`);
}

/** Mean and sample standard deviation. */
export function meanAndSpread(values: readonly number[]): { mean: number; spread: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** The table over seeds: test accuracy, what went, and how much faster it runs. */
export function summary(outcomes: readonly Outcome[]): string {
  const accuracy = (pick: (outcome: Outcome) => number | undefined): string => describe(outcomes.map(pick), percent);
  const stage = (name: string) => (outcome: Outcome) =>
    outcome.report.stages.find(s => s.name.startsWith(name))?.accuracy;
  const gone = (key: 'units' | 'macs' | 'parameters') =>
    describe(
      outcomes.map(({ report: { before, after } }) => 1 - (after[key] ?? NaN) / (before[key] ?? NaN)),
      percent,
    );
  const rows: [string, string][] = [
    ['accuracy, dense', accuracy(stage('dense'))],
    ['accuracy, right after the first cut', accuracy(stage('pruned'))],
    ['accuracy, statistics measured anew', accuracy(stage('recalibrated'))],
    ['accuracy, fine-tuned', accuracy(({ report }) => finalAccuracy(report))],
    ['  same widths, random units', accuracy(({ controls }) => controls?.random)],
    ['  same widths, from scratch', accuracy(({ controls }) => controls?.scratch)],
    ['units gone', gone('units')],
    ['MACs gone', gone('macs')],
    ['parameters gone', gone('parameters')],
    [
      'speed-up, batch 64',
      describe(
        outcomes.map(({ report }) => report.latency?.speedup),
        value => `${value.toFixed(2)}x`,
      ),
    ],
    [
      'largest certificate error',
      Math.max(...outcomes.flatMap(({ report }) => report.certificates.map(({ error }) => error))).toExponential(1),
    ],
  ];
  const shown = rows.filter(([, value]) => value !== '');
  return shown.map(([name, value]) => `  ${name.padEnd(36)}${value}`).join('\n');
}

function describe(values: readonly (number | undefined)[], show: (value: number) => string): string {
  const known = values.filter(value => value !== undefined);
  if (known.length === 0) return '';
  const { mean, spread } = meanAndSpread(known);
  return known.length === 1 ? show(mean) : `${show(mean)} +- ${show(spread)}`;
}
