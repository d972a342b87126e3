/** SliceGPT against NumPy, and where nothing may be lost. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  capture,
  loadLlama,
  saveHuggingFace,
  sliceGpt,
  useBackend,
  type Checkpoint,
  type Data,
  type Progress,
  type SliceGptOptions,
} from 'tfjs-prune';
import { relativeError } from '../../lib/core/array';
import type { Observed } from '../../lib/core/context';
import { createContext } from '../../lib/runtime/context';
import { readData } from '../../lib/runtime/data';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { difference, fixture } from '../models/fixtures';
import { type Recipe } from '../zoo/ownTransformer';

import { answers, built, BUILDS, data, few, llama, logitsOf, pathsOf, places, run, VOCABULARY } from './sliced';

beforeAll(() => useBackend(WASM));
afterAll(removeFolders);

test.each(answers.cases)(
  '$model cut to $kept dimensions, $options: what NumPy gives in double precision',
  async ({ model: name, kept, options, logits }) => {
    const net = await llama(name);
    const { model, report } = await run(net, sliceGpt({ ratio: 1 - kept / 16, multipleOf: 1, ...options }));
    expect(difference(await logitsOf(model), logits)).toBeLessThan(1e-4);
    const streams = options.shared ? 1 : options.sliceHead ? 5 : 4;
    expect(report.turned!.map(({ before, after }) => [before, after])).toEqual(new Array(streams).fill([16, kept]));
    if (kept < 16) expect(difference(await logitsOf(net), logits)).toBeGreaterThan(0.1);
    [net, model].forEach(each => each.dispose());
  },
);

describe.each(Object.entries(BUILDS))('%s', (_, recipe) => {
  test.each<Partial<SliceGptOptions>>([{}, { orientation: 'random' }, { sliceHead: true }])(
    'at a ratio of 0 computes what it did: %j',
    async options => {
      const net = built(recipe);
      const { model, checkpoint, report } = await run(net, sliceGpt({ ratio: 0, ...options }), { data: few });
      expect(relativeError(await logitsOf(model, [places(6, 3)]), await logitsOf(net, [places(6, 3)]))).toBeLessThan(
        1e-5,
      );
      expect(pathsOf(checkpoint).filter(path => path.endsWith('_shortcut'))).toHaveLength(4);
      expect(report.certificates.map(({ place }) => place)).toEqual(['sliceGpt, turned', 'sliceGpt']);
      [net, model].forEach(each => each.dispose());
    },
  );

  test('loses nothing where its streams have fewer directions than are kept', async () => {
    const net = flattened(built(recipe), 5, recipe);
    const { model, report } = await run(net, sliceGpt({ ratio: 0.3, multipleOf: 1, sliceHead: true }), { data: few });
    expect(report.turned!.map(({ after }) => after)).toEqual([5, 5, 5, 5, 5]);
    expect(relativeError(await logitsOf(model, [places(6, 3)]), await logitsOf(net, [places(6, 3)]))).toBeLessThan(
      1e-5,
    );
    const { model: less } = await run(net, sliceGpt({ ratio: 0.5, sliceHead: true, multipleOf: 1 }), { data: few });
    expect(relativeError(await logitsOf(less, [places(6, 3)]), await logitsOf(net, [places(6, 3)]))).toBeGreaterThan(
      1e-3,
    );
    [net, model, less].forEach(each => each.dispose());
  });
});

/** Whatever makes the stream gives the last dimensions nothing; a norm behind a sum gives them nothing either. */
function flattened(net: LayersModel, left: number, { place }: Partial<Recipe>): LayersModel {
  const makers =
    place === 'post' ? /^(embed|positions|block\d_(o|down))$|norm/ : /^(embed|positions|block\d_(o|down))$/;
  for (const layer of net.layers.filter(({ name }) => makers.test(name))) {
    const zeroed = layer.getWeights().map(weight => {
      const keep = tf.tensor1d(Array.from({ length: weight.shape[weight.rank - 1] }, (_, i) => (i < left ? 1 : 0)));
      return tf.mul(weight, keep);
    });
    layer.setWeights(zeroed);
    tf.dispose(zeroed);
  }
  return net;
}

test('the energy of what is cut is that of the directions left out, and no other directions leave out less', async () => {
  const net = await llama();
  const original = await capture(net);
  const splits = await readData(data, original);
  const { context } = await createContext({ original }, splits, () => Promise.resolve());
  const energy = async (checkpoint: Checkpoint): Promise<number> => {
    let sum = 0;
    const see = ([seen]: readonly Observed[]): void => {
      for (const value of seen.get('layers_0_attention_norm')![0][0].data) sum += value ** 2;
    };
    await context.data.observe([{ model: checkpoint, layers: ['layers_0_attention_norm'] }], see);
    return sum;
  };
  const whole = await energy(original);
  const told: number[] = [];
  const spectra: (readonly number[])[] = [];
  const progress = ({ stage, done, detail, energies }: Progress): void => {
    if (energies && done === 1) spectra.push(energies);
    const share = stage === 'slice streams' && done === 1 && /([\d.e-]+) % of the energy/.exec(detail!)?.[1];
    if (share) told.push(Number(share) / 100);
  };
  const lost = async (options: Partial<SliceGptOptions>, seed = 0): Promise<number> => {
    const { model, checkpoint } = await run(net, sliceGpt({ ratio: 0.25, ...options }), { progress, seed });
    model.dispose();
    return 1 - (await energy(checkpoint)) / whole;
  };
  const least = await lost({ multipleOf: 4 });
  expect(told).toHaveLength(1);
  expect(Math.abs(told[0] / least - 1)).toBeLessThan(0.005); // told in three digits
  const [energies] = spectra;
  expect([...energies].sort((a, b) => b - a)).toEqual(energies);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  expect(sum(energies) / whole).toBeCloseTo(1, 5);
  expect(sum(energies.slice(0.75 * energies.length)) / whole).toBeCloseTo(least, 5);
  for (const seed of [1, 2, 3]) expect(await lost({ multipleOf: 4, orientation: 'random' }, seed)).toBeGreaterThan(1.2 * least); // prettier-ignore
  net.dispose();
});

test('padding does not count among the directions', async () => {
  const net = built({ ...BUILDS.bert, padding: true });
  const tokens = places(24, 1);
  const mask = { ...tokens, data: tokens.data.map((_, i) => (i % 5 < 3 ? 1 : 0)) };
  // Other tokens where nothing counts.
  const other = { ...tokens, data: tokens.data.map((token, i) => (i % 5 < 3 ? token : (token + 5) % VOCABULARY)) };
  const results = await Promise.all(
    [tokens, other].map(async inputs => {
      const given: Data = { train: { inputs: [inputs, mask], targets: places(24, 2) }, loss: 'sparseCategoricalCrossentropy' }; // prettier-ignore
      const { model } = await run(net, sliceGpt({ ratio: 0.5, multipleOf: 4 }), { data: given });
      const logits = await logitsOf(model, [tokens, mask]);
      model.dispose();
      return Array.from(logits).filter((_, i) => Math.floor(i / VOCABULARY) % 5 < 3);
    }),
  );
  expect(relativeError(results[0], results[1])).toBeLessThan(1e-5);
  net.dispose();
});

test('widths are rounded down to multiples; the head is read from all dimensions unless that is asked for', async () => {
  const net = await llama();
  const widths = async (options: Partial<SliceGptOptions>) => {
    const { model, report } = await run(net, sliceGpt({ ratio: 0.1, ...options }));
    model.dispose();
    return report.turned!.map(({ name, after }) => `${name} ${after}`);
  };
  expect(await widths({})).toEqual(['layers_0_attention_norm 8', 'layers_0_feed_forward_norm 8', 'layers_1_attention_norm 8', 'layers_1_feed_forward_norm 8']); // prettier-ignore
  expect((await widths({ multipleOf: 1, sliceHead: true })).slice(3)).toEqual(['layers_1_feed_forward_norm 14', 'norm 14']); // prettier-ignore
  expect(await widths({ multipleOf: 7, shared: true })).toEqual(['layers_0_attention_norm 14']);
  expect((await widths({ ratio: 0.75, multipleOf: 1 }))[0]).toBe('layers_0_attention_norm 4');
  net.dispose();
});

test('one basis for all streams takes no shortcuts, and is a Llama that transformers reads', async () => {
  const { model: net, config } = await loadLlama(fixture('llama-tied'));
  const { model, report, checkpoint } = await run(net, sliceGpt({ ratio: 0.25, multipleOf: 4, shared: true }));
  expect(pathsOf(checkpoint).filter(path => path.endsWith('_shortcut'))).toEqual([]);
  expect(report.after.parameters).toBeLessThan(report.before.parameters);
  const folder = newFolder();
  await saveHuggingFace(model, folder, { config });
  const { model: again, config: read } = await loadLlama(folder);
  expect(read).toMatchObject({ hiddenSize: 12, tied: false });
  expect(relativeError(await logitsOf(again), await logitsOf(model))).toBeLessThan(1e-5);
  [net, model, again].forEach(each => each.dispose());
});
