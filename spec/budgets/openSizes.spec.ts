/** Costs that a model leaves open: with data, budgets and criteria choose as in a model of the data's sizes; without, they refuse. */
import * as L from '@tensorflow/tfjs-layers';
import {
  compress,
  costTarget,
  fisher,
  global,
  magnitude,
  materialize,
  prune,
  type Data,
  type LlamaConfig,
  type Method,
} from 'tfjs-prune';
import { atSizes } from '../../lib/graph/inputSizes';
import { loadConfig } from '../../lib/models/config';
import { capture } from '../../lib/runtime/capture';
import { fixture } from '../models/fixtures';
import { countingTexts } from '../models/texts';
import { tinyLlama } from '../models/tiny';
import { onWasm, withoutLeak } from '../runtime/help';
import { apply, bn, conv, head, relu } from '../zoo/parts';
import { rejection } from '../zoo/refusal';
import { randomize } from '../zoo/weights';

onWasm();

/** The early layers have larger maps, so that MACs and parameters rank units otherwise. */
function convNet(): L.LayersModel {
  const image = L.input({ shape: [null, null, 3], name: 'image' });
  const early = apply(image, conv('early', 8), bn('bn'), relu('relu'));
  const late = apply(early, conv('late', 8, { strides: 2 }), relu('relu2'), conv('last', 8, { strides: 2 }));
  return randomize(L.model({ inputs: image, outputs: head(late), name: 'net' }));
}

const loss = 'sparseCategoricalCrossentropy';
const images: Data = {
  loss,
  train: {
    inputs: { shape: [8, 9, 6, 3], dtype: 'float32', data: Float32Array.from({ length: 8 * 9 * 6 * 3 }, (_, i) => Math.sin(i)) }, // prettier-ignore
    targets: { shape: [8], dtype: 'int32', data: Int32Array.from({ length: 8 }, (_, i) => i % 4) },
  },
};

async function llama(): Promise<L.LayersModel> {
  const config = (await loadConfig(fixture('llama-tied'))) as LlamaConfig;
  return tinyLlama({ ...config, vocabSize: 19 });
}

const CASES = {
  'a convolutional net': { net: () => Promise.resolve(convNet()), data: images, size: [9, 6, 3] },
  'a Llama': { net: llama, data: { train: countingTexts(8, 1), loss } as Data, size: [8] }, // prettier-ignore
};

const calibration = { batches: 2, batchSize: 4 };
const METHODS: Readonly<Record<string, Method<'gradients'>>> = {
  'costTarget in MACs': prune({ criterion: magnitude(), budget: costTarget({ macs: 0.6 }) }),
  'global per MACs': prune({ criterion: magnitude(), budget: global({ ratio: 0.4, per: 'macs', minimum: 1 }) }),
  'fisher per MACs': prune({ criterion: fisher({ per: 'macs', ...calibration }), budget: global({ ratio: 0.4, minimum: 1 }) }), // prettier-ignore
  'fisher per memory': prune({ criterion: fisher({ per: 'memory', ...calibration }), budget: global({ ratio: 0.4, minimum: 1 }) }), // prettier-ignore
};

describe.each(Object.entries(CASES))('%s', (_, { net, data, size }) => {
  test.each(Object.entries(METHODS))('%s', async (name, method) => {
    const open = await net();
    const fixed = materialize(atSizes(await capture(open), [size]));
    expect((await capture(open)).topology).not.toEqual((await capture(fixed)).topology);
    const [first, second] = await withoutLeak(async () => {
      const runs = [await compress(open, method, { data, latency: false }), await compress(fixed, method, { data, latency: false })]; // prettier-ignore
      runs.forEach(({ model }) => model.dispose());
      return runs;
    });
    expect(first.plan.groups).toHaveLength(second.plan.groups.length);
    first.plan.groups.forEach(({ removed }, i) => expect(removed).toEqual(second.plan.groups[i].removed));
    expect(first.report.after.macs).toBe(second.report.after.macs);
    if (name.startsWith('costTarget')) expect(first.report.after.macs! / first.report.before.macs!).toBeLessThan(0.6);
    [open, fixed].forEach(model => model.dispose());
  });
});

test('without data nothing tells them, and the refusal says so', async () => {
  const model = convNet();
  for (const name of ['costTarget in MACs', 'global per MACs']) {
    const error = await rejection(compress(model, METHODS[name] as Method, { latency: false }));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/got one with an open input size\. Give data, whose examples have a size, /);
  }
  model.dispose();
});
