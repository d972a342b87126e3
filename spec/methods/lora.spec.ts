/** Recovery by corrections of low rank, on a small Llama that lost half of its heads and neurons. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { capture, chain, compress, loadLlama, loraTune, magnitude, prune, uniform, type Data } from 'tfjs-prune';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { readData } from '../../lib/runtime/data';
import { evaluate } from '../../lib/runtime/evaluate';
import { fixture } from '../models/fixtures';
import { countingTexts } from '../models/texts';
import { bits, onWasm, withoutLeak } from '../runtime/help';
import { refusal } from '../zoo/refusal';

onWasm();
let model: LayersModel;
// Texts with a rule to learn.
const data: Data = { train: countingTexts(32, 3), loss: 'sparseCategoricalCrossentropy' };
beforeAll(async () => void ({ model } = await loadLlama(fixture('llama-tied'))));
afterAll(() => model.dispose());

const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5, minimum: 1 }) });

async function run(method: ReturnType<typeof loraTune>, seed = 0): Promise<Checkpoint> {
  const { model: small } = await compress(model, chain<'training'>(cut, method), { data, latency: false, seed });
  const checkpoint = await capture(small);
  small.dispose();
  return checkpoint;
}

async function before(): Promise<Checkpoint> {
  const { model: small } = await compress(model, cut, { latency: false });
  const checkpoint = await capture(small);
  small.dispose();
  return checkpoint;
}

const options = { epochs: 10, batchSize: 8, learningRate: 1e-2 };

test('kernels of Dense layers move by corrections of the rank, all else stays, and the loss falls', async () => {
  const [cutOnly, tuned] = [await before(), await run(loraTune({ ...options, rank: 1 }))];
  expect(tuned.topology).toEqual(cutOnly.topology);
  let moved = 0;
  for (const [path, arrays] of tuned.weights) {
    arrays.forEach(({ shape, data: values }, i) => {
      const old = cutOnly.weights.get(path)![i].data;
      const isKernel = shape.length === 2 && !path.includes('embed') && !path.includes('head');
      if (!isKernel) return expect([...values]).toEqual([...old]);
      const difference = Array.from(values, (value, at) => value - old[at]);
      expect(Math.max(...difference.map(Math.abs))).toBeGreaterThan(1e-4);
      // Rank one: every minor of two rows and two columns is zero.
      const at = (row: number, column: number): number => difference[row * shape[1] + column];
      const minor = at(0, 0) * at(1, 1) - at(0, 1) * at(1, 0);
      const scale = Math.max(...difference.map(Math.abs)) ** 2;
      expect(Math.abs(minor) / scale).toBeLessThan(1e-3);
      moved += 1;
    });
  }
  expect(moved).toBe(14); // 7 projections in each of 2 layers
  const { train, loss } = await readData(data, tuned);
  const [first, last] = await Promise.all([cutOnly, tuned].map(each => evaluate(each, train, loss)));
  expect(last.loss).toBeLessThan(0.7 * first.loss);
});

test('the same seed gives the same bytes, another one others, and nothing leaks', async () => {
  await run(loraTune(options));
  const first = await withoutLeak(() => run(loraTune(options)));
  expect(bits(await run(loraTune(options)))).toEqual(bits(first));
  expect(bits(await run(loraTune(options), 1))).not.toEqual(bits(first));
});

test('options out of range and layers that are none are refused', async () => {
  expect(refusal(() => loraTune({ epochs: 0 })).code).toBe('bad-option');
  await expect(run(loraTune({ ...options, rank: 0 }))).rejects.toMatchObject({ code: 'bad-option' });
  await expect(run(loraTune({ ...options, layers: () => false }))).rejects.toMatchObject({ code: 'bad-option' });
});
