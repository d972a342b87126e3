/** Every TypeScript snippet of the README runs as it stands, but for the number of epochs and the folder it writes to. */
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as L from '@tensorflow/tfjs-layers';
import * as library from 'tfjs-prune';
import ts from 'typescript';
import { WASM } from './backend';

const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
const snippets = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);

function net(): L.LayersModel {
  const model = L.sequential({
    layers: [
      L.layers.conv2d({ name: 'stem', filters: 16, kernelSize: 3, inputShape: [6, 6, 1] }),
      L.layers.batchNormalization({ name: 'norm' }),
      L.layers.conv2d({ name: 'conv', filters: 16, kernelSize: 3 }),
      L.layers.batchNormalization({ name: 'norm2' }),
      L.layers.flatten({ name: 'flatten' }),
      L.layers.dense({ name: 'head', units: 2, activation: 'softmax' }),
    ],
  });
  return model;
}

async function run(snippet: string, out: string): Promise<Record<string, unknown>> {
  const names = [...snippet.matchAll(/^const (\w+) =|^const \{(.*)\} =/gm)].flatMap(([, one, several]) =>
    one ? [one] : several.split(',').map(part => part.split(':').pop()!.trim()),
  );
  const body = snippet.replace(/epochs: \d+/g, 'epochs: 1').replace(/'out\//g, `'${out}/`);
  const code = `${body.replace(/^import (\{.*\}) from 'tfjs-prune';$/m, 'const $1 = library;')}\nreturn { ${names.join(', ')} };`;
  const { outputText } = ts.transpileModule(`async function snippet() {${code}}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022 },
  });
  const x = tf.randomNormal([8, 6, 6, 1], 0, 1, 'float32', 1);
  const y = tf.oneHot(tf.tensor1d([0, 1, 0, 1, 0, 1, 0, 1], 'int32'), 2);
  const examples = { inputs: x, targets: y };
  const scope = { library, ...library, model: net(), data: { train: examples, validation: examples }, x, y };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- running the text of the README is the point
  const make = new Function(...Object.keys(scope), `${outputText} return snippet();`);
  return (await make(...Object.values(scope))) as Record<string, unknown>;
}

beforeAll(() => library.useBackend(WASM));

test('there are snippets', () => expect(snippets.length).toBeGreaterThanOrEqual(3));

test.each(
  snippets.map(snippet => [snippet.split('\n').find(line => line !== '' && !line.startsWith('import'))!, snippet]),
)('runs: %s', async (_, snippet) => {
  const out = mkdtempSync(join(tmpdir(), 'readme-'));
  const { small, stock, report, half, original } = (await run(snippet, out)) as {
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
  if (snippet.includes('saveLayersModel')) expect(existsSync(join(out, 'slim/model.json'))).toBe(true);
  rmSync(out, { recursive: true });
});

test('it is no longer than two hundred lines', () => expect(readme.split('\n').length).toBeLessThanOrEqual(200));
