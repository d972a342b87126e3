import * as layers from '@tensorflow/tfjs-layers';
import { gather, type NdArray } from '../../lib/core/array';
import { madeBy, type Observed } from '../../lib/core/context';
import { random } from '../../lib/core/random';
import { capture } from '../../lib/runtime/capture';
import { observe } from '../../lib/runtime/observe';
import { predict } from '../../lib/runtime/predict';
import { rejection } from '../zoo/refusal';
import { dense, dropout, mlp, normals, onWasm, randomize, withoutLeak } from './help';

onWasm();

type Flow = layers.SymbolicTensor;
const split = (rows: number) => ({ inputs: [normals([rows, 4], random(3).normal)], targets: [] });
const list = ({ data }: NdArray): number[] => Array.from(data);

/** All that is seen, batch by batch and model by model. */
async function seen(
  ...args: [Parameters<typeof observe>[0], Parameters<typeof observe>[1], Parameters<typeof observe>[3]?]
) {
  const batches: (readonly Observed[])[] = [];
  const [watched, train, options = {}] = args;
  await withoutLeak(() => observe(watched, train, batch => void batches.push(batch), options, { seed: 1 }));
  return batches;
}

test('the first layer is given the data in the order that the seed draws, a later one what the first makes of it', async () => {
  const model = await capture(mlp());
  const train = split(10);
  const batches = await seen([{ model, layers: ['a', 'b'] }], train, { batchSize: 4 });
  const order = random(1, 'observe').permutation(10);
  expect(batches).toHaveLength(3);
  for (const [i, [observed]] of batches.entries()) {
    const rows = gather(train.inputs[0], 0, order.subarray(4 * i, 4 * i + 4));
    expect(observed.get('a')).toEqual([[rows]]);
    const first = {
      ...model.topology,
      config: { ...model.topology.config, layers: model.topology.config.layers.slice(0, 1) },
    };
    const [made] = await predict({ topology: first, weights: new Map([['a', model.weights.get('a')!]]) }, [rows]);
    expect(list(observed.get('b')![0][0])).toEqual(list(made));
  }
});

test('several models see the same batches, as many as asked for', async () => {
  const [one, other] = [await capture(mlp({ seed: 1 })), await capture(mlp({ seed: 2 }))];
  const watched = [one, other].map(model => ({ model, layers: ['a', 'c'] }));
  const batches = await seen(watched, split(20), { batches: 2, batchSize: 5 });
  expect(batches).toHaveLength(2);
  for (const [first, second] of batches) {
    expect(first.get('a')).toEqual(second.get('a'));
    expect(first.get('c')).not.toEqual(second.get('c'));
  }
});

test('a shared layer tells call by call, a nested one by its path, a merge about all its inputs', async () => {
  const inner = layers.sequential({ name: 'inner', layers: [dense({ name: 'deep', units: 4, inputShape: [4] })] });
  const x = layers.input({ shape: [4], name: 'x' });
  const once = inner.apply(x) as Flow;
  const sum = layers.layers.add({ name: 'sum' }).apply([x, inner.apply(once) as Flow]) as Flow;
  const net = layers.model({ inputs: x, outputs: dense({ name: 'head', units: 2 }).apply(sum) as Flow });
  randomize(net, 1);
  const model = await capture(net);
  for (const [observed] of await seen([{ model, layers: ['inner/deep', 'sum', 'head'] }], split(6), { batchSize: 3 })) {
    const [[first], [second]] = observed.get('inner/deep')!;
    const [[left, right]] = observed.get('sum')!;
    expect(left).toEqual(first);
    expect(list(second)).not.toEqual(list(first));
    const [[head]] = observed.get('head')!;
    list(head).forEach((value, i) => expect(value).toBeCloseTo(left.data[i] + right.data[i], 5));
  }
});

test('it runs as in a prediction: Dropout is off', async () => {
  const model = await capture(
    layers.sequential({
      layers: [dropout({ name: 'off', rate: 0.9, inputShape: [4] }), dense({ name: 'd', units: 1 })],
    }),
  );
  const [[observed]] = await seen([{ model, layers: ['off', 'd'] }], split(8));
  expect(observed.get('d')).toEqual(observed.get('off'));
});

test('what layers give is seen too, call by call, and ends the pass where nothing else is waited for', async () => {
  const shared = dense({ name: 'shared', units: 4 });
  const x = layers.input({ shape: [4], name: 'x' });
  const twice = shared.apply(shared.apply(x)) as Flow;
  const model = await capture(layers.model({ inputs: x, outputs: dense({ name: 'end', units: 2 }).apply(twice) as Flow })); // prettier-ignore
  const [[observed]] = await seen([{ model, layers: ['shared', 'end'], makers: ['shared'] }], split(6));
  const [first, second] = observed.get('shared')!;
  expect(observed.get(madeBy('shared'))).toEqual([second, observed.get('end')![0]]);
  expect(first).not.toEqual(second);
  const [[alone]] = await seen([{ model, layers: [], makers: ['end'] }], split(6));
  expect([...alone.keys()]).toEqual([madeBy('end')]);
  const [answers] = await predict(model, [gather(split(6).inputs[0], 0, random(1, 'observe').permutation(6))]);
  expect(alone.get(madeBy('end'))).toEqual([[answers]]);
});

test('same seed, same bytes; another seed, another order', async () => {
  const model = await capture(mlp());
  const run = async (seed: number) => {
    const given: number[][] = [];
    const see = ([observed]: readonly Observed[]) => void given.push(list(observed.get('b')![0][0]));
    await observe([{ model, layers: ['b'] }], split(12), see, { batchSize: 5 }, { seed });
    return given;
  };
  expect(await run(1)).toEqual(await run(1));
  expect(await run(1)).not.toEqual(await run(2));
});

test('unknown layers, bad options, an abort and a failing watcher leave nothing behind', async () => {
  const model = await capture(mlp());
  const watched = [{ model, layers: ['a'] }];
  const ignore = () => {};
  const unknown = await withoutLeak(() =>
    rejection(observe([{ model, layers: ['nonesuch'] }], split(4), ignore, {}, { seed: 1 })),
  );
  expect([unknown.code, unknown.message]).toEqual(['bad-option', expect.stringContaining('such as a, b, c')]);
  for (const options of [{ batches: 0 }, { batchSize: 1.5 }]) {
    expect((await rejection(observe(watched, split(4), ignore, options, { seed: 1 }))).code).toBe('bad-option');
  }
  const signal = AbortSignal.abort();
  const aborted = await withoutLeak(() => rejection(observe(watched, split(4), ignore, {}, { seed: 1, signal })));
  expect(aborted.code).toBe('aborted');
  const fail = () => Promise.reject(new Error('no more'));
  await withoutLeak(() => expect(observe(watched, split(4), fail, {}, { seed: 1 })).rejects.toThrow('no more'));
});
