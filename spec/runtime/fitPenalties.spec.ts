/** Training under penalties, and of layers that are frozen or that tf.js alone cannot train. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { mapLeaves, type Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions, Progress } from '../../lib/core/context';
import { binned, type GammaHistory } from '../../lib/core/gammas';
import { capture } from '../../lib/runtime/capture';
import { evaluate } from '../../lib/runtime/evaluate';
import { fit } from '../../lib/runtime/fit';
import { rejection } from '../zoo/refusal';
import { batchNormalization, bits, dense, mlp, normals, onWasm, splits, withoutLeak } from './help';

onWasm();

const L = layers.layers;
type Flow = layers.SymbolicTensor;
const net = (): Promise<Checkpoint> => capture(mlp());
const few: FitOptions = { epochs: 2, batchSize: 16 };

describe('penalties', () => {
  const kept = (model: Checkpoint) =>
    bits(model)
      ['b/0'].map(Math.abs)
      .reduce((a, b) => a + b);

  test('l1 shrinks gamma for this run only, and comes out in stock layers', async () => {
    const [model, data] = [await net(), splits(120)];
    const options = { epochs: 10, learningRate: 0.03 };
    const plain = await fit(model, data, options, { seed: 1 });
    const slimmed = await withoutLeak(() => fit(model, data, { ...options, l1: 1 }, { seed: 1 }));
    expect(kept(slimmed)).toBeLessThan(0.6 * kept(plain));
    expect(slimmed.topology).toBe(model.topology);
    expect(bits(await fit(model, data, { ...options, l1: 0 }, { seed: 1 }))).toEqual(bits(plain));
  });

  test('gammas are counted before the first epoch and after each, by bins that stay', async () => {
    const [model, data] = [await net(), splits(120)];
    const told: GammaHistory[] = [];
    const run = { seed: 1, onGammas: (history: GammaHistory) => told.push(history) };
    const slimmed = await withoutLeak(() => fit(model, data, { epochs: 3, learningRate: 0.03, l1: 1 }, run));
    expect(told).toHaveLength(1);
    const [{ l1, most, counts }] = told;
    const [first, last] = [model, slimmed].map(each => Float32Array.from(bits(each)['b/0']));
    expect([l1, most]).toEqual([1, Math.max(...first.map(Math.abs))]);
    expect(counts.map(bins => bins.reduce((a, b) => a + b))).toEqual([6, 6, 6, 6]);
    expect([counts[0], counts[3]]).toEqual([binned([first], most), binned([last], most)]);
    expect(counts[3]).not.toEqual(counts[0]);
    await fit(model, data, few, run);
    await fit(await capture(layers.sequential({ layers: [dense({ units: 3, inputShape: [4] })] })), splits(), { ...few, l1: 1 }, run); // prettier-ignore
    expect(told).toHaveLength(1);
  });

  test('anneal scales it from the first step to the last', async () => {
    const [model, data] = [await net(), splits()];
    const asked: number[] = [];
    const anneal = (progress: number): number => {
      asked.push(progress);
      return 0;
    };
    const off = await fit(model, data, { ...few, l1: 5, anneal }, { seed: 1 });
    expect(asked).toEqual(Array.from({ length: 8 }, (_, i) => i / 7));
    expect(bits(off)).toEqual(bits(await fit(model, data, few, { seed: 1 })));
    const on = await fit(model, data, { ...few, l1: 5, anneal: () => 1 }, { seed: 1 });
    expect(bits(on)).toEqual(bits(await fit(model, data, { ...few, l1: 5 }, { seed: 1 })));
    const error = await withoutLeak(() =>
      rejection(fit(model, data, { ...few, l1: 5, anneal: () => -1 }, { seed: 1 })),
    );
    expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining('anneal(progress)')]);
  });

  test('a gamma that is zero stays exactly zero where the data does not move it', async () => {
    const model = await net();
    const weights = new Map(model.weights);
    const [gamma, ...rest] = weights.get('b')!;
    weights.set('b', [{ ...gamma, data: gamma.data.map((g: number, i: number) => (i === 2 ? 0 : g)) }, ...rest]);
    const [kernel, bias] = weights.get('c')!;
    // Nobody reads unit 2, so no gradient of the data reaches its gamma, and training cannot change that.
    weights.set('c', [
      { ...kernel, data: kernel.data.map((w: number, i: number) => (Math.floor(i / 3) === 2 ? 0 : w)) },
      bias,
    ]);
    const frozen = mapLeaves(model.topology, (spec, path) =>
      path === 'c' ? { ...spec, config: { ...spec.config, trainable: false } } : spec,
    );
    for (const optimizer of ['adam', 'momentum'] as const) {
      const after = await fit({ topology: frozen, weights }, splits(), { ...few, l1: 0.5, optimizer }, { seed: 1 });
      expect(bits(after)['b/0'][2]).toBe(0);
      expect(bits(after)['b/0'][1]).not.toBe(bits({ ...model, weights })['b/0'][1]);
    }
  });

  test('of a shared layer and of a nested first layer count once', async () => {
    const penalty = () => layers.regularizers.l1({ l1: 1 });
    const shared = (): layers.LayersModel => {
      const [x, y] = ['x', 'y'].map(name => layers.input({ shape: [1], name }));
      const layer = dense({
        name: 'd',
        units: 1,
        useBias: false,
        kernelInitializer: 'ones',
        kernelRegularizer: penalty(),
      });
      return layers.model({
        inputs: [x, y],
        outputs: L.add().apply([layer.apply(x), layer.apply(y)] as Flow[]) as Flow,
      });
    };
    const nested = (): layers.LayersModel => {
      const layer = dense({
        name: 'd',
        units: 1,
        useBias: false,
        kernelInitializer: 'ones',
        kernelRegularizer: penalty(),
        inputShape: [1],
      });
      return layers.sequential({ layers: [layers.sequential({ name: 'in', layers: [layer] })] });
    };
    const zero = normals([1, 1], () => 0);
    for (const [make, path, inputs] of [
      [shared, 'd', 2],
      [nested, 'in/d', 1],
    ] as const) {
      const data = {
        train: { inputs: Array(inputs).fill(zero), targets: [zero] },
        loss: ['meanSquaredError' as const],
      };
      const after = await fit(
        await capture(make()),
        data,
        { epochs: 1, optimizer: 'momentum', learningRate: 0.25 },
        { seed: 1 },
      );
      expect(bits(after)[`${path}/0`][0]).toBeCloseTo(0.75, 6); // one step of 0.25 against a gradient of 1
    }
  });
});

describe('frozen and incomplete layers', () => {
  test('a frozen layer stays as it is; with nothing left to train it is an error', async () => {
    const model = await net();
    const freeze = (...paths: string[]): Checkpoint => ({
      ...model,
      topology: mapLeaves(model.topology, (spec, path) =>
        paths.includes(path) ? { ...spec, config: { ...spec.config, trainable: false } } : spec,
      ),
    });
    const after = bits(await fit(freeze('a'), splits(), few, { seed: 1 }));
    expect(after['a/0']).toEqual(bits(model)['a/0']);
    expect(after['c/0']).not.toEqual(bits(model)['c/0']);
    const error = await withoutLeak(() => rejection(fit(freeze('a', 'b', 'c'), splits(), few, { seed: 1 })));
    expect([error.code, error.message]).toEqual(['bad-model', expect.stringContaining('trainable')]);
  });

  test.each([
    [{ scale: false }, ['b/beta', 'b/moving_mean', 'b/moving_variance']],
    [{ center: false }, ['b/gamma', 'b/moving_mean', 'b/moving_variance']],
    [{ scale: false, center: false }, ['b/moving_mean', 'b/moving_variance']],
  ])('BatchNormalization with %j is trained, which tf.js alone cannot', async (lacking, names) => {
    const make = (): layers.Sequential =>
      layers.sequential({
        layers: [
          dense({ name: 'a', units: 6, inputShape: [4] }),
          batchNormalization({ name: 'b', ...lacking }),
          dense({ name: 'c', units: 3, activation: 'softmax' }),
        ],
      });
    const stock = make();
    stock.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
    await expect(stock.fit(tf.ones([4, 4]), tf.ones([4, 3]), { verbose: 0 })).rejects.toThrow("reading 'read'");
    const model = await capture(make());
    const data = splits(120);
    let shown = '';
    const progress = ({ detail }: Progress): void => void (shown = detail!);
    const options = { epochs: 10, learningRate: 0.02, l1: 0.01, restoreBest: false };
    const after = await withoutLeak(() => fit(model, data, options, { seed: 1, progress }));
    // Were what completes the layer trained, the model would differ from the one that was trained.
    const { loss } = await evaluate(after, data.validation!, data.loss);
    expect(shown).toContain(`validation loss ${loss.toFixed(4)}`);
    expect(after.weights.get('b')!.length).toBe(names.length);
    const [before, trained] = await Promise.all([model, after].map(one => evaluate(one, data.train, data.loss)));
    expect(trained.loss).toBeLessThan(0.6 * before.loss);
  });

  test('BatchNormalization along another axis than the last is refused by name', async () => {
    const model = await capture(
      layers.sequential({
        layers: [
          batchNormalization({ name: 'odd', axis: 1, inputShape: [3, 4] }),
          L.flatten(),
          dense({ units: 3, activation: 'softmax' }),
        ],
      }),
    );
    const data = {
      train: { inputs: [normals([4, 3, 4], () => 1)], targets: [normals([4, 3], () => 1)] },
      loss: ['categoricalCrossentropy' as const],
    };
    const error = await withoutLeak(() => rejection(fit(model, data, few, { seed: 1 })));
    expect([error.code, error.message]).toEqual([
      'bad-model',
      expect.stringMatching(/layer "odd": .* got axis 1 of 3/),
    ]);
  });
});
