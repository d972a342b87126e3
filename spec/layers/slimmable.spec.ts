import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { installTrainingKernels } from '../../lib/kernels';
import { slimmable, type Slimmable } from '../../lib/layers/slimmable';
import { random } from '../../lib/core/random';
import { capture } from '../../lib/runtime/capture';
import { slimModel, strip } from '../../lib/runtime/slimModel';
import {
  batchNormalization,
  bits,
  dense,
  mlp,
  normals,
  onWasm,
  outputsOf,
  randomize,
  withoutLeak,
} from '../runtime/help';
import { refusal } from '../zoo/refusal';

onWasm();
beforeAll(() => installTrainingKernels());

const L = layers.layers;
type Flow = layers.SymbolicTensor;
type Wrapper = Slimmable & { calculateLosses(): tf.Scalar[] };
const images = normals([2, 5, 5, 3], random(2).normal);
const rows = normals([6, 4], random(3).normal);

/** Adds up what the layers of `model` ask for beside the loss. */
function penaltyOf(model: layers.LayersModel): number {
  return tf.tidy(() => {
    const losses = (model as unknown as Wrapper).calculateLosses();
    return losses.reduce((sum, loss) => sum + loss.dataSync()[0], 0);
  });
}

async function saved(model: layers.LayersModel): Promise<tf.io.ModelArtifacts> {
  return new Promise(resolve => {
    const handler = tf.io.withSaveHandler(artifacts => {
      resolve(artifacts);
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } });
    });
    void model.save(handler);
  });
}

/** A wrapper around each allowed class, after what makes its input. */
const wrapped: Record<string, () => layers.LayersModel> = {
  BatchNormalization: () =>
    layers.sequential({ layers: [slimmable(batchNormalization({ name: 'w', inputShape: [5, 5, 3] }))] }),
  Dense: () =>
    layers.sequential({
      layers: [slimmable(dense({ name: 'w', units: 2, activation: 'tanh', inputShape: [5, 5, 3] }))],
    }),
  Conv1D: () =>
    layers.sequential({
      layers: [
        L.reshape({ name: 'r', targetShape: [5, 15], inputShape: [5, 5, 3] }),
        slimmable(L.conv1d({ name: 'w', filters: 2, kernelSize: 2, activation: 'relu' })),
      ],
    }),
  Conv2D: () =>
    layers.sequential({
      layers: [
        slimmable(
          L.conv2d({ name: 'w', filters: 2, kernelSize: 3, activation: 'relu', useBias: false, inputShape: [5, 5, 3] }),
        ),
      ],
    }),
  Conv2DTranspose: () =>
    layers.sequential({
      layers: [slimmable(L.conv2dTranspose({ name: 'w', filters: 2, kernelSize: 3, inputShape: [5, 5, 3] }))],
    }),
  DepthwiseConv2D: () =>
    layers.sequential({
      layers: [
        slimmable(L.depthwiseConv2d({ name: 'w', kernelSize: 3, activation: 'sigmoid', inputShape: [5, 5, 3] })),
      ],
    }),
  SeparableConv2D: () =>
    layers.sequential({
      layers: [
        slimmable(
          L.separableConv2d({ name: 'w', filters: 2, kernelSize: 3, activation: 'elu', inputShape: [5, 5, 3] }),
        ),
      ],
    }),
};

describe.each(Object.keys(wrapped))('around %s', className => {
  const built = (): layers.LayersModel => {
    const model = wrapped[className]();
    randomize(model, 4);
    return model;
  };

  test('strip gives stock layers with the same predictions, bit for bit', async () => {
    const model = built();
    const plain = await strip(model);
    expect(plain.layers.map(layer => layer.getClassName())).not.toContain('Slimmable');
    expect(plain.layers.map(layer => layer.getClassName())).toContain('BatchNormalization');
    expect(outputsOf(plain, images)).toEqual(outputsOf(model, images));
    expect(new Set(outputsOf(model, images)[0]).size).toBeGreaterThan(8);
    plain.dispose();
    model.dispose();
  });

  test('survives JSON, and save and load with its weights', async () => {
    const model = built();
    const config = JSON.stringify(model.getConfig());
    const copy = await layers.models.modelFromJSON(JSON.parse(model.toJSON(null) as string));
    expect(JSON.stringify(copy.getConfig())).toBe(config);
    const loaded = await layers.loadLayersModel(tf.io.fromMemory(await saved(model)));
    expect(outputsOf(loaded, images)).toEqual(outputsOf(model, images));
    expect((loaded.getLayer('w') as Slimmable).l1).toBe(1e-4);
  });

  test('frees everything with its model', async () => {
    await withoutLeak(() => void built().dispose());
  });

  test('learns in model.fit, gamma and all', async () => {
    const model = built();
    const before = bits(await capture(model));
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    const x = tf.tensor(images.data, [...images.shape]);
    await model.fit(x, tf.ones([2, ...(model.outputs[0].shape.slice(1) as number[])]), { verbose: 0 });
    const after = bits(await capture(model));
    const names = (model.getLayer('w') as Slimmable).weights.map(({ originalName }) => originalName);
    // A bias in front of a BatchNormalization has no gradient.
    const moving = Object.keys(before).filter((_, i) => names[i] !== 'w/bias');
    expect(moving.length).toBeGreaterThan(3);
    for (const key of moving) expect(after[key]).not.toEqual(before[key]);
  });
});

describe('of a BatchNormalization', () => {
  test('keeps its name and, where it is built, its weights', () => {
    const norm = batchNormalization({ name: 'b' });
    norm.apply(layers.input({ shape: [4] }));
    const wrapper = slimmable(norm, { l1: 0.2 });
    wrapper.apply(layers.input({ shape: [4] }));
    expect([wrapper.name, wrapper.l1]).toEqual(['b', 0.2]);
    expect(wrapper.weights).toEqual((norm as unknown as Slimmable).weights);
  });

  test('starts gamma where it is told to', () => {
    const norm = slimmable(batchNormalization({ name: 'b', momentum: 0.7, inputShape: [3] }), {
      gammaInitializer: 0.5,
    });
    const conv = slimmable(L.conv2d({ filters: 2, kernelSize: 1 }), { gammaInitializer: 0.25 });
    norm.apply(layers.input({ shape: [3] }));
    conv.apply(layers.input({ shape: [4, 4, 3] }));
    expect(Array.from(norm.getWeights()[0].dataSync())).toEqual([0.5, 0.5, 0.5]);
    expect(norm.layer.getConfig().momentum).toBe(0.7);
    expect(Array.from(conv.getWeights()[2].dataSync())).toEqual([0.25, 0.25]);
  });

  test('can be frozen, with its weights in the same order', async () => {
    const model = layers.sequential({ layers: [slimmable(dense({ name: 'w', units: 2, inputShape: [4] }))] });
    const wrapper = model.layers[0] as Slimmable;
    const names = () => wrapper.weights.map(({ originalName }) => originalName);
    const order = ['kernel', 'bias', 'gamma', 'beta', 'moving_mean', 'moving_variance'].map(name => `w/${name}`);
    expect(names()).toEqual(order);
    expect(wrapper.trainableWeights.length).toBe(4);
    wrapper.trainable = false;
    expect([names(), wrapper.trainableWeights, wrapper.nonTrainableWeights.length]).toEqual([order, [], 6]);
    const copy = await layers.models.modelFromJSON(JSON.parse(model.toJSON(null) as string));
    expect(copy.trainableWeights).toEqual([]);
    wrapper.trainable = true;
    expect(wrapper.trainableWeights.length).toBe(4);
  });

  test('passes masks on as its layer does', () => {
    expect(slimmable(batchNormalization()).supportsMasking).toBe(true);
    expect(slimmable(L.conv1d({ filters: 1, kernelSize: 1 })).supportsMasking).toBe(false);
  });
});

describe('the penalty', () => {
  const gammas = (model: layers.LayersModel, name = 'b') => Array.from(model.getLayer(name).getWeights()[0].dataSync());
  const set = (model: layers.LayersModel, gamma: number[]) =>
    tf.tidy(() => {
      const layer = model.getLayer('b');
      layer.setWeights([tf.tensor1d(gamma), ...layer.getWeights().slice(1)]);
    });
  /** Nothing but the penalty moves gamma: the input has no variance. */
  const silent = (l1: number): layers.Sequential =>
    layers.sequential({ layers: [slimmable(batchNormalization({ name: 'b', inputShape: [4] }), { l1 })] });
  const step = (model: layers.LayersModel, optimizer: tf.Optimizer, epochs = 1) => {
    model.compile({ optimizer, loss: 'meanSquaredError' });
    return model.fit(tf.ones([2, 4]), tf.zeros([2, 4]), { epochs, verbose: 0, shuffle: false });
  };

  test('is l1 times the sum of |gamma|, in the loss of model.fit and not of evaluate', async () => {
    const model = silent(0.5);
    set(model, [1, -2, 0, 0.5]);
    model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError' });
    const { history } = await model.fit(tf.ones([2, 4]), tf.zeros([2, 4]), { verbose: 0 });
    expect(history.loss[0]).toBeCloseTo(1.75, 5);
    const evaluated = (): number => (model.evaluate(tf.ones([2, 4]), tf.zeros([2, 4])) as tf.Scalar).dataSync()[0];
    const plain = evaluated();
    (model.layers[0] as Slimmable).l1 = 100;
    expect(evaluated()).toBe(plain);
  });

  test('has the gradient l1 times sign(gamma), zero at zero', async () => {
    const model = silent(0.5);
    set(model, [1, -2, 0, 0.5]);
    await step(model, tf.train.sgd(0.1));
    gammas(model).forEach((gamma, i) => expect(gamma).toBeCloseTo([0.95, -1.95, 0, 0.45][i], 6));
    expect(gammas(model)[2]).toBe(0);
  });

  test.each(['sgd', 'momentum', 'adam'] as const)('under %s an exact zero stays one', async name => {
    const optimizer = name === 'momentum' ? tf.train.momentum(0.01, 0.9) : tf.train[name](0.01);
    const model = silent(0.5);
    set(model, [0, 1, 0, -1]);
    await step(model, optimizer, 50);
    expect([gammas(model)[0], gammas(model)[2]]).toEqual([0, 0]);
    expect(Math.abs(gammas(model)[1])).toBeLessThan(0.9);
  });

  test('its strength can change while training', async () => {
    const model = silent(0.5);
    (model.layers[0] as Slimmable).l1 = 0;
    await step(model, tf.train.sgd(0.1));
    expect(gammas(model)).toEqual([1, 1, 1, 1]);
    (model.layers[0] as Slimmable).l1 = 2;
    await step(model, tf.train.sgd(0.1));
    gammas(model).forEach(gamma => expect(gamma).toBeCloseTo(0.8, 6));
  });

  test('counts once where the layer is shared, in model.fit too', async () => {
    const [x, y] = ['x', 'y'].map(name => layers.input({ shape: [4], name }));
    const shared = slimmable(batchNormalization({ name: 'b' }), { l1: 0.5 });
    const stock = batchNormalization({ name: 's', gammaRegularizer: layers.regularizers.l1({ l1: 0.5 }) });
    const twice = (layer: layers.layers.Layer) =>
      L.add().apply([x, y].map(input => layer.apply(input) as Flow)) as Flow;
    const model = layers.model({ inputs: [x, y], outputs: twice(shared) });
    const counted = layers.model({ inputs: [x, y], outputs: twice(stock) });
    const fitted = async (net: layers.LayersModel) => {
      net.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError' });
      const { history } = await net.fit([tf.ones([2, 4]), tf.ones([2, 4])], tf.zeros([2, 4]), {
        verbose: 0,
        epochs: 2,
      });
      return history.loss as number[];
    };
    expect(await fitted(counted)).toEqual([4, 4].map(loss => expect.closeTo(loss, 4))); // tf.js counts each call
    expect(await fitted(model)).toEqual([2, 2].map(loss => expect.closeTo(loss, 4)));
  });

  test('and what the inner layers ask for come through nested models', () => {
    const kernelRegularizer = layers.regularizers.l2({ l2: 1 });
    const conv = dense({
      name: 'w',
      units: 1,
      useBias: false,
      kernelInitializer: 'ones',
      kernelRegularizer,
      inputShape: [3],
    });
    const part = layers.sequential({ name: 'part', layers: [slimmable(conv, { l1: 0.25 })] });
    const x = layers.input({ shape: [3] });
    expect(penaltyOf(layers.model({ inputs: x, outputs: part.apply(x) as Flow }))).toBeCloseTo(3.25, 5);
  });
});

describe('slimModel', () => {
  test('wraps every BatchNormalization, predicts the same, and leaves the model alone', async () => {
    const model = mlp();
    const topology = JSON.stringify(model.getConfig());
    const slim = await slimModel(model, { l1: 0.01 });
    expect(slim.layers.map(layer => layer.getClassName())).toEqual(['Dense', 'Slimmable', 'Dense']);
    expect((slim.layers[1] as Slimmable).l1).toBe(0.01);
    expect(outputsOf(slim, rows)).toEqual(outputsOf(model, rows));
    expect(JSON.stringify(model.getConfig())).toBe(topology);
    const back = await capture(await strip(slim));
    expect(back).toEqual(await capture(model));
    await withoutLeak(async () => (await slimModel(model)).dispose());
  });

  test('strip makes a file that plain tf.js loads', async () => {
    const model = layers.sequential({
      layers: [
        slimmable(L.conv2d({ name: 'c', filters: 2, kernelSize: 3, activation: 'relu', inputShape: [5, 5, 3] })),
        L.flatten(),
      ],
    });
    const artifacts = await saved(await strip(model));
    expect(JSON.stringify(artifacts.modelTopology)).not.toContain('Slimmable');
    expect(artifacts.weightSpecs!.map(({ name }) => name)).toEqual([
      'c/kernel',
      'c/bias',
      'c_bn/gamma',
      'c_bn/beta',
      'c_bn/moving_mean',
      'c_bn/moving_variance',
    ]);
    const loaded = await layers.loadLayersModel(tf.io.fromMemory(artifacts));
    expect(outputsOf(loaded, images)).toEqual(outputsOf(model, images));
  });

  test('strip follows a wrapper that is called twice in a functional model, and one in a nested model', async () => {
    const x = layers.input({ shape: [4], name: 'x' });
    const shared = slimmable(dense({ name: 'd', units: 4, activation: 'relu' }));
    const part = layers.sequential({
      name: 'part',
      layers: [slimmable(dense({ name: 'd', units: 4, activation: 'tanh', inputShape: [4] }))],
    });
    const once = shared.apply(x) as Flow;
    const outputs = [shared.apply(part.apply(once)) as Flow, once];
    const model = layers.model({ inputs: x, outputs });
    randomize(model, 9);
    const plain = await strip(model);
    expect(outputsOf(plain, rows)).toEqual(outputsOf(model, rows));
    expect(plain.getLayer('d').inboundNodes.length).toBe(2);
  });
});

describe('refuses', () => {
  test.each([
    [
      'a layer without channels',
      () => L.flatten({ name: 'f' }),
      {},
      /a layer of class BatchNormalization, Dense, .*got Flatten/,
    ],
    ['a rank that tf.js cannot normalise', () => L.conv3d({ filters: 1, kernelSize: 1 }), {}, /got Conv3D/],
    ['a wrapper', () => slimmable(dense({ units: 1 })), {}, /got Slimmable/],
    ['no layer', () => undefined, {}, /got undefined/],
    [
      'a BatchNormalization without gamma',
      () => batchNormalization({ name: 'b', scale: false }),
      {},
      /layer "b": expected a BatchNormalization with a gamma/,
    ],
    ['a negative strength', () => dense({ units: 1 }), { l1: -1 }, /l1/],
    ['a start that is no number', () => dense({ units: 1 }), { gammaInitializer: NaN }, /gammaInitializer/],
    [
      'a start for weights that exist',
      () => {
        const norm = batchNormalization({ name: 'b' });
        norm.apply(layers.input({ shape: [2] }));
        return norm;
      },
      { gammaInitializer: 0.5 },
      /layer "b": expected no gammaInitializer/,
    ],
  ])('%s', (_, make, options, message) => {
    const error = refusal(() => slimmable(make() as layers.layers.Layer, options));
    expect([error.code, error.message]).toEqual(['bad-option', expect.stringMatching(message)]);
  });
});
