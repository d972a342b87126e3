/**
 * Prunes to a measured latency: on this machine, on this backend. Then times the result anew, beside the original, and prints a table.
 *
 *   npx tsx examples/04-latency.ts --speedup 2                            a small residual net with random weights
 *   npx tsx examples/04-latency.ts --milliseconds 20 --model DIR          a model.json and its weights
 *   npx tsx examples/04-latency.ts --speedup 1.5 --widths out/widths.svg  and first, how long layers take by width
 *
 * No accuracy is measured: with data at hand, chain `pruneToLatency` with `fineTune`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  compress,
  formatPlan,
  formatReport,
  formatWidths,
  loadLayersModel,
  magnitude,
  measureLatency,
  measureWidths,
  plotWidths,
  pruneToLatency,
  saveLayersModel,
  uniform,
  useBackend,
} from 'tfjs-prune';
import { residualNet } from './support/nets';
import { showProgress } from './support/print';
import { start } from './support/start';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      milliseconds: { type: 'string' },
      speedup: { type: 'string' },
      model: { type: 'string' },
      batch: { type: 'string', default: '1' },
      runs: { type: 'string', default: '11' },
      backend: { type: 'string', default: 'auto' },
      widths: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const { description } = await useBackend(values.backend as 'auto');
  const model = await given(values.model);
  const [batch, runs] = [Number(values.batch), Number(values.runs)];
  console.log(`${model.name} on ${description}, batch ${batch}`);
  if (values.widths !== undefined) await printWidths(model, batch, values.widths);
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  const target = { milliseconds: number(values.milliseconds), speedup: number(values.speedup) };
  if (values.milliseconds === undefined && values.speedup === undefined) target.speedup = 2;
  const method = pruneToLatency({ criterion: magnitude(), scope: uniform, batch, runs, ...target });
  const { model: small, plan, report } = await compress(model, method, { latency: false, progress: showProgress });
  const latency = await measureLatency(model, small, { batch, runs: 2 * runs });
  console.log(`\n${trialsOf(formatPlan(plan))}\n\ntimed anew:\n${formatReport({ ...report, latency })}`);
  const [measured] = plan.measured ?? [];
  const wanted = measured.dense / measured.target;
  const off = (100 * (latency.speedup - wanted)) / wanted;
  const sign = off < 0 ? 'slower' : 'faster';
  console.log(
    `\nasked ${wanted.toFixed(2)}x, got ${latency.speedup.toFixed(2)}x: ${Math.abs(off).toFixed(1)} % ${sign} than asked`,
  );
  if (values.out !== undefined) await saveLayersModel(small, values.out);
  [model, small].forEach(each => each.dispose());
}

function given(folder: string | undefined): Promise<LayersModel> {
  return folder === undefined
    ? Promise.resolve(residualNet({ side: 64, channels: 3 }, [32, 64, 128], 2, 0))
    : loadLayersModel(folder);
}

async function printWidths(model: LayersModel, batch: number, path: string): Promise<void> {
  const table = await measureWidths(model, { batch, progress: showProgress });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, plotWidths(table));
  console.log(`\n${formatWidths(table)}\n`);
}

/** What the clock said, of all that a plan tells. */
function trialsOf(text: string): string {
  const sections = text.split('\n\n');
  const from = sections.findIndex(section => section.startsWith('Timed on'));
  return sections.slice(from, from + 2).join('\n\n');
}

start(main);
