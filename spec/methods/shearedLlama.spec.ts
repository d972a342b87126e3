/** Shearing a small Llama to a given shape. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  compress,
  loadLlama,
  shearedLlama,
  type Data,
  type Progress,
  type ShearedLlamaOptions,
} from 'tfjs-prune';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { slice } from '../../lib/edit/slice';
import { blocks } from '../../lib/graph/blocks';
import { gatesOf } from '../../lib/graph/gates';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { hangGates } from '../../lib/runtime/hangGates';
import { withModel } from '../../lib/runtime/materialize';
import { forward } from '../../lib/runtime/predict';
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

const data: Data = {
  train: countingTexts(32, 1),
  validation: countingTexts(8, 2),
  loss: 'sparseCategoricalCrossentropy',
};
const target = { layers: 1, units: { heads: 1, neurons: 10, dimensions: 12 } };
const options: ShearedLlamaOptions = { target, steps: 60, batchSize: 8, learningRate: 1e-3, maskRate: 0.3 };

interface Asked {
  readonly data?: Data;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (event: Progress) => void;
}

async function run(how: ShearedLlamaOptions, { data: given = data, ...more }: Asked = {}) {
  const { model: small, report } = await compress(model, shearedLlama(how), { data: given, latency: false, ...more });
  const checkpoint = await capture(small);
  small.dispose();
  return { checkpoint, report };
}

const sizes = (checkpoint: Checkpoint): Record<string, number[]> => {
  const found: Record<string, number[]> = {};
  for (const { kind, units, frozen } of groupsOf(trace(checkpoint))) {
    if (frozen === undefined) (found[kind] ??= []).push(units.length);
  }
  return found;
};

test('the shape asked for, exactly, by masks that are open as often as asked for', async () => {
  expect(sizes(dense)).toEqual({ heads: [2, 2], neurons: [20, 20], dimensions: [16] });
  const told: string[] = [];
  const progress = ({ stage, detail }: Progress): void => void (stage === 'shear' && told.push(detail!));
  const { checkpoint, report } = await run({ ...options, maskRate: 1, steps: 200 }, { progress });
  expect(sizes(checkpoint)).toEqual({ heads: [1], neurons: [10], dimensions: [12] });
  expect(blocks(checkpoint).branches).toHaveLength(2); // of the one layer left
  expect(report.certificates.length).toBeGreaterThanOrEqual(2);
  expect(told[0]).toMatch(/heads 2\.0 of 2 \(to be 1\)/);
  const counts = [...told[told.length - 1].matchAll(/(\w+) ([\d.]+) of (\d+) \(to be (\d+)\)/g)];
  expect(counts.map(([, kind]) => kind).sort()).toEqual(['dimensions', 'heads', 'layers', 'neurons']);
  for (const [, , is, all, goal] of counts) expect(Math.abs(Number(is) - Number(goal)) / Number(all)).toBeLessThan(0.1);
});

test('training on makes good what the cut cost', async () => {
  const { report } = await run({ ...options, fineTune: { epochs: 20, batchSize: 8, learningRate: 1e-2 } });
  const loss = Object.fromEntries(report.stages.map(({ name, loss: own }) => [name, own!]));
  expect(loss['fine-tuned']).toBeLessThan(0.7 * loss.pruned);
});

test('what masks of 0 and 1 leave is what slicing leaves, element by element', async () => {
  const traced = trace(dense);
  const open = groupsOf(traced).filter(({ frozen }) => frozen === undefined);
  const tokens = [3, 1, 4, 1, 5];
  const logitsOf = (each: LayersModel): Float32Array =>
    tf.tidy(() => forward(each, [tf.tensor2d([tokens], [1, 5], 'int32')])[0].dataSync<'float32'>());
  for (const group of open) {
    const gone = group.units[1];
    const gates = gatesOf(traced, group)!;
    const masked = await withModel(dense, async each => {
      const hung = hangGates(each, gates);
      const factors = gates.map(({ members }, g) => {
        const values = Float32Array.from(members, member => (member >= 0 && group.units[member] === gone ? 0 : 1));
        return tf.tensor(values, hung.shapes[g]);
      });
      hung.set(factors);
      const logits = logitsOf(each);
      tf.dispose(factors);
      return logits;
    });
    const sliced = await withModel(slice(dense, traced, new Set([gone])), async each => logitsOf(each));
    masked.forEach((value, i) => expect(Math.abs(value - sliced[i])).toBeLessThan(1e-5));
  }
});

test('the domain that loses most comes more often', async () => {
  const free = (text: number): boolean => text % 2 === 1;
  const domains = {
    train: Array.from({ length: 32 }, (_, i) => (free(i) ? 'noise' : 'rule')),
    validation: Array.from({ length: 8 }, (_, i) => (free(i) ? 'noise' : 'rule')),
    reference: { noise: 1, rule: 1 },
    every: 5,
  };
  const mixed = { ...data, train: countingTexts(32, 1, free), validation: countingTexts(8, 2, free) };
  const told: string[] = [];
  const progress = ({ stage, detail }: Progress): void => void (stage !== 'drop blocks' && detail && told.push(detail));
  const sharesIn = (detail: string): number[] => [...detail.matchAll(/(noise|rule) ([\d.]+) %/g)].map(([, , share]) => Number(share)); // prettier-ignore
  const after = { epochs: 5, batchSize: 8, learningRate: 1e-2 };
  await run({ ...options, steps: 30, learningRate: 1e-2, domains, fineTune: after }, { data: mixed, progress });
  const shares = told.map(sharesIn).filter(({ length }) => length === 2);
  expect(shares[0]).toEqual([50, 50]);
  const [noise, rule] = shares[shares.length - 1];
  expect(noise).toBeGreaterThan(60);
  expect(noise + rule).toBeCloseTo(100, 0);
});

test('references are the losses of the first model where none are given', async () => {
  const domains = { train: Array<string>(32).fill('all'), validation: Array<string>(8).fill('all') };
  const { checkpoint } = await run({ ...options, steps: 4, domains });
  expect(sizes(checkpoint).neurons).toEqual([10]);
});

test('the same seed gives the same bytes, another seed others; the first model stays, and nothing leaks', async () => {
  const short = { ...options, steps: 8 };
  await run(short);
  const first = await withoutLeak(() => run(short));
  expect(bits((await run(short)).checkpoint)).toEqual(bits(first.checkpoint));
  expect(bits((await run(short, { seed: 1 })).checkpoint)).not.toEqual(bits(first.checkpoint));
  expect(bits(await capture(model))).toEqual(bits(dense));
});

test('an abort ends it and leaves nothing', async () => {
  const controller = new AbortController();
  const progress = ({ done }: Progress): void => void (done > 5 && controller.abort());
  await withoutLeak(async () => {
    await expect(run(options, { progress, signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
  });
});

test.each<[string, Partial<ShearedLlamaOptions>, RegExp]>([
  ['a kind that is not there', { target: { units: { channels: 3 } } }, /heads/],
  ['more units than there are', { target: { units: { heads: 3 } } }, /from 1 to 2/],
  ['more layers than there are', { target: { layers: 5 } }, /from 1 to 2/],
  ['domains for too few examples', { domains: { train: ['a'], validation: Array<string>(8).fill('a') } }, /32 train/],
  ['a rate that blows up', { learningRate: 1e20, steps: 3 }, /finite/],
])('%s is refused', async (_, wrong, message) => {
  await withoutLeak(async () => {
    await expect(run({ ...options, ...wrong })).rejects.toMatchObject({
      code: 'bad-option',
      message: expect.stringMatching(message) as string,
    });
  });
});

test.each<Partial<ShearedLlamaOptions>>([{ steps: 0 }, { warmup: 2 }, { maskRate: 0 }])(
  '%p is refused at once',
  wrong => {
    expect(refusal(() => shearedLlama({ ...options, ...wrong })).code).toBe('bad-option');
  },
);
