import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { relativeError } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { capture } from '../../lib/runtime/capture';
import { layersOf, type AnyLayer } from '../../lib/runtime/leaves';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { withStreamed } from '../../lib/runtime/streamed';
import { NATIVE } from '../backend';
import { rejection } from '../zoo/refusal';
import { batchNormalization, dense, mlp, onWasm, randomize, withoutLeak } from './help';

onWasm();

const L = layers.layers;

async function captured(net: layers.LayersModel): Promise<Checkpoint> {
  if (net.countParams() < 1e6) randomize(net, 1);
  const model = await capture(net);
  net.dispose();
  return model;
}

/** With values that are made fast and have no pattern along either axis. */
const large = (activation: 'linear' | 'relu', inputShape: number[]): layers.LayersModel => {
  const wide = dense({ units: 2100, inputShape, activation, kernelInitializer: 'zeros' });
  const net = layers.sequential({ layers: [wide, dense({ units: 3 })] });
  const values = Float32Array.from({ length: 4200 * 2100 }, (_, i) => ((i * 7919) % 10007) / 10007 - 0.5);
  const weights = [tf.tensor(values, [4200, 2100]), tf.linspace(-1, 1, 2100)];
  wide.setWeights(weights);
  tf.dispose(weights);
  return net;
};

const nets: Record<string, () => layers.LayersModel> = {
  'a chain with normalization': () => layers.sequential({ layers: [mlp({ outputs: 4 }), batchNormalization({})] }),
  'a layer called twice, in a wrapper': () => {
    const x = layers.input({ shape: [5, 4] });
    const twice = L.timeDistributed({ layer: dense({ units: 4, activation: 'tanh' }) });
    const both = L.bidirectional({
      layer: L.simpleRNN({ units: 3, recurrentInitializer: 'glorotNormal' }),
      mergeMode: 'concat',
    });
    return layers.model({ inputs: x, outputs: both.apply(twice.apply(twice.apply(x))) as layers.SymbolicTensor });
  },
  'a large dense layer': () => large('linear', [4200]),
  'a large dense layer with activation, at every place': () => large('relu', [2, 4200]),
};

test.each(Object.entries(nets))('%s computes what the whole model does, on WASM bit for bit', async (_, make) => {
  const model = await captured(make());
  const run = (): Promise<void> =>
    withStreamed(model, async net => {
      const inputs = probeInputs(net, 3, 4);
      const [found, expected] = [await predict(net, inputs), await predict(model, inputs)];
      // TensorFlow multiplies columns in another order where there are fewer of them.
      if (!NATIVE) expect(found).toEqual(expected);
      found.forEach(({ data }, i) => expect(relativeError(data, expected[i].data)).toBeLessThan(1e-6));
    });
  await withoutLeak(run);
});

(NATIVE ? test.skip : test)('no layer has its weights before or after its call', async () => {
  const model = await captured(mlp());
  const held = (): number => tf.engine().backend.numDataIds();
  await withStreamed(model, async net => {
    const bytes = (): number[] =>
      layersOf(net).flatMap(({ layer }) => layer.weights.map(({ val }) => sizeOnBackend(val)));
    expect(new Set(bytes())).toEqual(new Set([1]));
    const [first] = layersOf(net);
    const seen: number[] = [];
    const { call } = first.layer;
    Object.assign(first.layer, {
      call: (...given: Parameters<AnyLayer['call']>) => {
        const out = call(...given);
        seen.push(held());
        return out;
      },
    });
    const before = held();
    await predict(net, probeInputs(net, 3, 4));
    expect(seen.length).toBe(1);
    expect(held()).toBe(before);
    expect(new Set(bytes())).toEqual(new Set([1]));
  });
});

/** Values that the backend holds for `tensor`, whatever its shape says. */
function sizeOnBackend(tensor: tf.Tensor): number {
  const { dataIdMap } = tf.backend() as unknown as { dataIdMap: { get(id: object): { shape: number[] } } };
  return tf.util.sizeFromShape(dataIdMap.get(tensor.dataId).shape);
}

test('weights that do not fit are refused', async () => {
  const model = await captured(mlp());
  const weights = new Map([...model.weights].map(([path, arrays]) => [path, arrays.slice(1)]));
  const error = await rejection(withStreamed({ ...model, weights }, () => Promise.resolve()));
  expect(error.code).toBe('bad-weights');
});
