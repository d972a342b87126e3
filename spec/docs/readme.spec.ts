/** Every TypeScript snippet of the README runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as L from '@tensorflow/tfjs-layers';
import * as library from 'tfjs-prune';
import { WASM } from '../backend';
import { net, ROOT, run, snippetsOf } from './snippets';

const snippets = snippetsOf('README.md');

beforeAll(() => library.useBackend(WASM));

test('there are snippets', () => expect(snippets.length).toBeGreaterThanOrEqual(3));

test.each(snippets)('runs: %s', async (_, snippet) => {
  const { made, saved } = await run(snippet);
  const { small, stock, report, half, original } = made as {
    small?: L.LayersModel;
    stock?: L.LayersModel;
    report?: library.Report;
    half?: L.LayersModel;
    original?: library.Checkpoint;
  };
  if (small) expect(small.countParams()).toBeLessThan(0.9 * net().countParams());
  if (stock) expect(stock.layers.map(layer => layer.getClassName())).toContain('BatchNormalization');
  if (report) expect(report.after.macs!).toBeLessThan(report.before.macs!);
  if (original)
    expect(library.costOf(original).units).toBeGreaterThan(library.costOf(await library.capture(half!)).units);
  expect([small, stock, original].some(result => result !== undefined)).toBe(true);
  expect(saved).toBe(snippet.includes("saveLayersModel(small, 'out/slim'"));
});

test('it is no longer than two hundred lines', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n').length).toBeLessThanOrEqual(200);
});
