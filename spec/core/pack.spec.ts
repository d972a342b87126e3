import { ndarray } from '../../lib/core/array';
import { pack, unpack } from '../../lib/core/pack';

const roundTrip = async (value: unknown): Promise<unknown> => unpack(await pack(value));

test.each<[string, unknown]>([
  ['words, numbers, lists, null', { a: 'ä "$"', b: [1, -2.5e-300, null, true, []], c: {} }],
  ['numbers that JSON lacks', [NaN, Infinity, -Infinity, -0, 0]],
  ['a map in a list', [new Map<unknown, unknown>([[[1], new Map([['x', 2]])]])]],
  ['typed arrays of every kind and odd lengths', [new Uint8Array([1, 2, 3]), new Float64Array([Math.PI]), new Int32Array([-1]), new Float32Array([0.1, NaN])]], // prettier-ignore
  ['an empty array between others', [new Float32Array(1), new Float64Array(0), new Float64Array(2)]],
  ['an object that looks like a mark of ours', { $: 'map', entries: [new Int32Array([7]), { $: 1 }] }],
])('%s come back to the last bit', async (_, value) => {
  expect(await roundTrip(value)).toEqual(value);
});

test('a view holds only what it shows, and a restored array memory of its own', async () => {
  const view = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
  const back = (await roundTrip({ view, weights: new Map([['a', [ndarray(view, [2])]]]) })) as { view: Float32Array };
  expect([...back.view]).toEqual([2, 3]);
  expect(back.view.buffer.byteLength).toBe(8);
});

test('undefined entries are left out', async () => {
  expect(Object.keys((await roundTrip({ a: undefined, b: 1 })) as object)).toEqual(['b']);
});

test('the same value gives the same bytes', async () => {
  const value = { a: new Float32Array([1]), b: new Map([['x', NaN]]) };
  expect(await pack(value)).toEqual(await pack(value));
});

test('any byte changed, any byte missing: nothing comes back', async () => {
  const bytes = await pack({ a: new Float32Array([1, 2]), b: 'c' });
  for (let i = 0; i < bytes.length; i++) {
    const damaged = bytes.slice();
    damaged[i] ^= 4;
    expect(await unpack(damaged)).toBeUndefined();
    expect(await unpack(bytes.slice(0, i))).toBeUndefined();
  }
});
