/** Fewer layers, the same predictions. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { buildNet, ZOO } from '../../bench/zoo';
import { relativeError } from '../../lib/core/array';
import { leaves, parameterCount, type Checkpoint } from '../../lib/core/checkpoint';
import { fuseLayers } from '../../lib/edit/fuse';
import { useBackend } from '../../lib/runtime/backend';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { CPU_KERNELS, WASM } from '../backend';
import { apply, bn, conv, dense, gap, head, model, relu, rgb } from '../zoo/parts';
import { randomize } from '../zoo/weights';

const { layers: L } = layers;

const classes = ({ topology }: Checkpoint): string[] => leaves(topology).map(({ spec }) => spec.className);
const names = ({ topology }: Checkpoint): string[] => leaves(topology).map(({ path }) => path);

/** The net as data before and after; the largest relative error of an output between them. */
async function fused(net: layers.LayersModel): Promise<{ before: Checkpoint; after: Checkpoint; error: number }> {
  const before = await capture(net);
  const copy = structuredClone(before);
  const after = fuseLayers(before);
  expect(before).toEqual(copy);
  const inputs = probeInputs(net, 0, 2);
  const small = materialize(after);
  const [wanted, got] = [await predict(net, inputs), await predict(small, inputs)];
  expect(got.map(({ shape }) => shape)).toEqual(wanted.map(({ shape }) => shape));
  const error = Math.max(...wanted.map(({ data }, i) => relativeError(got[i].data, data)));
  small.dispose();
  net.dispose();
  return { before, after, error };
}

describe('layer by layer', () => {
  beforeAll(() => tf.setBackend(CPU_KERNELS));

  const size = { kernelSize: 2 };
  const linear: Readonly<Record<string, () => layers.layers.Layer>> = {
    Dense: () => L.dense({ units: 5 }),
    Conv1D: () => L.conv1d({ filters: 5, ...size }),
    Conv2D: () => L.conv2d({ filters: 5, ...size, strides: 2, padding: 'same' }),
    Conv2DTranspose: () => L.conv2dTranspose({ filters: 5, ...size }),
    DepthwiseConv2D: () => L.depthwiseConv2d({ depthMultiplier: 3, ...size }),
    SeparableConv2D: () => L.separableConv2d({ filters: 5, depthMultiplier: 2, ...size }),
  };
  const ranks: Readonly<Record<string, number>> = { Dense: 2, Conv1D: 3 };

  describe.each(Object.keys(linear))('%s', className => {
    test.each([
      ['with gamma and beta', {}],
      ['without gamma', { scale: false }],
      ['without beta, of another epsilon', { center: false, epsilon: 0.1 }],
    ])('takes a BatchNormalization %s in', async (_, norm) => {
      for (const useBias of [true, false]) {
        const layer = linear[className]();
        (layer as unknown as { useBias: boolean }).useBias = useBias;
        const inputShape = [4, 4].slice(0, (ranks[className] ?? 4) - 2).concat(2);
        const net = layers.sequential({ layers: [L.inputLayer({ inputShape }), layer, L.batchNormalization(norm)] });
        const { after, error } = await fused(randomize(net));
        expect(classes(after)).not.toContain('BatchNormalization');
        expect(error).toBeLessThan(1e-6);
      }
    });
  });

  test('a ReLU behind it becomes its activation where tf.js computes both at once', async () => {
    const x = rgb();
    const wise = L.depthwiseConv2d({ name: 'wise', kernelSize: 3 });
    const six = L.reLU({ name: 'six', maxValue: 6 });
    const active = L.activation({ name: 'active', activation: 'relu' });
    const chain = [conv('a', 4), bn('n'), relu('r'), wise, bn('m'), relu('s'), conv('b', 3), six, gap(), dense('d', 5)];
    const { after, error } = await fused(randomize(model(x, apply(x, ...chain, bn('k'), active))));
    expect(names(after)).toEqual(['x', 'a', 'wise', 's', 'b', 'six', 'gap', 'd']);
    expect(error).toBeLessThan(1e-6);
  });

  test.each<readonly [string, () => layers.LayersModel, string]>([
    [
      'something else reads what lies between',
      () => {
        const x = rgb();
        const first = apply(x, conv('a', 4));
        return model(x, head(apply([first, apply(first, bn('n'))], L.add({ name: 'add' }))));
      },
      'n',
    ],
    [
      'what lies between leaves the model',
      () => {
        const x = rgb();
        const first = apply(x, conv('a', 4));
        return layers.model({ inputs: x, outputs: [first, apply(first, bn('n'))], name: 'net' });
      },
      'n',
    ],
    [
      'the layer is called twice',
      () => {
        const x = rgb();
        const shared = conv('a', 3);
        return model(x, head(apply(x, shared, bn('n'), shared)));
      },
      'n',
    ],
    [
      'the BatchNormalization is called twice',
      () => {
        const x = rgb();
        const norm = bn('n');
        return model(x, head(apply([apply(x, conv('a', 4), norm), apply(x, conv('b', 4), norm)], L.add({ name: 'add' })))); // prettier-ignore
      },
      'n',
    ],
    ['an activation stands between', () => layers.sequential({ layers: [L.conv2d({ inputShape: [4, 4, 2], filters: 3, kernelSize: 2, activation: 'relu' }), bn('n')] }), 'n'], // prettier-ignore
    ['it works along another axis', () => layers.sequential({ layers: [L.dense({ inputShape: [4, 2], units: 4 }), L.batchNormalization({ name: 'n', axis: 1 })] }), 'n'], // prettier-ignore
  ])('nothing goes where %s', async (_, build, kept) => {
    const { before, after } = await fused(randomize(build()));
    expect(names(after)).toContain(kept);
    expect(parameterCount(after)).toBe(parameterCount(before));
  });

  test('works inside nested models, called twice as they may be', async () => {
    const inside = rgb('inside');
    const inner = model(inside, apply(inside, conv('a', 3), bn('n'), relu('r')), 'inner');
    const x = rgb();
    const twice = inner.apply(inner.apply(x)) as never;
    const { after, error } = await fused(randomize(model(x, head(twice))));
    expect(names(after)).toEqual(['x', 'inner/inside', 'inner/a', 'gap', 'head']);
    expect(error).toBeLessThan(1e-6);
  });
});

describe('nets of the zoo', () => {
  beforeAll(() => useBackend(WASM));

  test.each(Object.keys(ZOO))('%s computes the same', async name => {
    const { before, after, error } = await fused(buildNet(name, 'small'));
    expect(error).toBeLessThan(1e-4);
    const norms = (model: Checkpoint): number => classes(model).filter(name => name === 'BatchNormalization').length;
    // Those behind a sum, a concatenation or an activation stay.
    if (/^(resnet(18|50|56)|seResnet|vgg|mobilenet|efficientnet|inception|squeezenet)/.test(name)) {
      expect(norms(after)).toBe(0);
    } else expect(norms(after)).toBeLessThanOrEqual(norms(before));
  });
});
