/** LLM-Pruner on a small Llama of two layers: what goes, what stays, and that it comes back. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { capture, compress, llmPruner, loadLlama, type Data, type LlmPrunerOptions } from 'tfjs-prune';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { fixture } from '../models/fixtures';
import { countingTexts } from '../models/texts';
import { bits, onWasm, withoutLeak } from '../runtime/help';
import { refusal } from '../zoo/refusal';

onWasm();
let model: LayersModel;
let dense: Checkpoint;
beforeAll(async () => {
  ({ model } = await loadLlama(fixture('llama-tied')));
  dense = await capture(model);
});
afterAll(() => model.dispose());

const data: Data = { train: countingTexts(16, 1), loss: 'sparseCategoricalCrossentropy' };

const open = { protectFirst: 0, protectLast: 0, examples: 8 };

async function run(options: LlmPrunerOptions) {
  const { model: small, report, plan } = await compress(model, llmPruner(options), { data, latency: false });
  const checkpoint = await capture(small);
  small.dispose();
  return { checkpoint, report, plan };
}

/** Units of each group that can lose some, by its name. */
function widths(checkpoint: Checkpoint): Record<string, number> {
  const groups = groupsOf(trace(checkpoint)).filter(({ frozen }) => frozen === undefined);
  return Object.fromEntries(groups.map(({ name, units }) => [name, units.length]));
}

test('block by block: half of the heads and neurons of every block, none of the dimensions', async () => {
  const { checkpoint, report } = await run({ ratio: 0.5, ...open });
  expect(widths(checkpoint)).toEqual({
    embed_tokens: 16,
    layers_0_attention_query: 1,
    layers_0_feed_forward_gate: 10,
    layers_1_attention_query: 1,
    layers_1_feed_forward_gate: 10,
  });
  expect(report.certificates.length).toBeGreaterThan(0);
});

test('channels: dimensions alone', async () => {
  const { checkpoint } = await run({ ratio: 0.25, granularity: 'channel', ...open });
  expect(widths(checkpoint)).toEqual({ ...widths(dense), embed_tokens: 12 });
});

test('protected blocks keep every byte', async () => {
  const { checkpoint } = await run({ ratio: 0.5, ...open, protectFirst: 1 });
  const [before, after] = [bits(dense), bits(checkpoint)];
  const first = Object.keys(before).filter(path => path.startsWith('layers_0'));
  expect(first.length).toBeGreaterThan(5);
  for (const path of first) expect(after[path]).toEqual(before[path]);
  expect(widths(checkpoint).layers_1_feed_forward_gate).toBe(10);
});

test('globally the parameters that go are those asked for', async () => {
  const { report } = await run({ ratio: 0.3, scope: 'global', ...open });
  const inBlocks = 2 * (16 * 16 * 2 + 2 * 16 * 8 + 3 * 16 * 20);
  const gone = report.before.parameters - report.after.parameters;
  const largest = 16 * 8 * 2 + 2 * 16 * 4; // a head with its two query heads
  expect(Math.abs(gone - 0.3 * inBlocks)).toBeLessThanOrEqual(largest);
});

test('several cuts, and recovery by LoRA, which lowers the loss and leaves stock layers', async () => {
  const recover = { epochs: 20, batchSize: 8, learningRate: 1e-2 };
  const { checkpoint, report } = await run({ ratio: 0.5, steps: 2, recover, ...open });
  expect(Object.values(widths(checkpoint))).toEqual([16, 1, 10, 1, 10]);
  const { stages } = report;
  const losses = new Map(stages.map(({ name, loss }) => [name, loss!]));
  expect(stages.map(({ name }) => name)).toContain('fine-tuned');
  expect(losses.get('fine-tuned')).toBeLessThan(0.7 * Math.max(...losses.values()));
  expect(JSON.stringify(checkpoint.topology)).not.toContain('Lora');
});

test.each(['vector', 'element1', 'element2'] as const)(
  '%s: the same seed cuts the same, and nothing leaks',
  async on => {
    const options = { ratio: 0.5, on, ...open };
    await run(options);
    const first = await withoutLeak(() => run(options));
    expect(bits((await run(options)).checkpoint)).toEqual(bits(first.checkpoint));
    expect(bits(await capture(model))).toEqual(bits(dense));
  },
);

test('a model all of whose blocks are protected is refused, and so are options out of range', async () => {
  await expect(run({ ratio: 0.5 })).rejects.toMatchObject({ code: 'bad-option' });
  expect(refusal(() => llmPruner({ ratio: 1.5 })).code).toBe('bad-ratio');
  expect(refusal(() => llmPruner({ ratio: 0.5, granularity: 'row' as never })).code).toBe('bad-option');
  expect(refusal(() => llmPruner({ ratio: 0.5, scope: 'all' as never })).code).toBe('bad-option');
  expect(refusal(() => llmPruner({ ratio: 0.5, protectFirst: -1 })).code).toBe('bad-option');
});
