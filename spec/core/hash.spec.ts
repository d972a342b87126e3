import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { layer, noise, sequential } from '../zoo/topology';

const topology = sequential(layer('Dense', 'a', { units: 2 }), layer('Dense', 'b', { units: 1 }));

function model(): Checkpoint {
  return {
    topology,
    weights: new Map([
      ['a', [noise([3, 2], 'a'), noise([2], 'bias')]],
      ['b', [noise([2, 1], 'b')]],
    ]),
  };
}

describe('hashOf', () => {
  test('is 64 hex digits and the same for equal content', async () => {
    const hash = await hashOf(model());
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashOf(model())).toBe(hash);
  });

  test('is the SHA-256 of the SHA-256 of each part', async () => {
    const sha = (bytes: string | Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
    const parts = [sha(JSON.stringify(topology))];
    for (const [path, arrays] of model().weights) {
      for (const { shape, dtype, data } of arrays) {
        parts.push(sha(`\n${path} ${dtype} [${shape.join(',')}]\n`), sha(new Uint8Array(data.buffer)));
      }
    }
    expect(await hashOf(model())).toBe(sha(Buffer.concat(parts)).toString('hex'));
  });

  test('changes with any byte of any weight', async () => {
    const original = await hashOf(model());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('a', 'b'), fc.nat(), fc.integer({ min: 0, max: 7 }), async (path, at, bit) => {
        const changed = model();
        const [{ data }] = changed.weights.get(path)!;
        const bytes = new Uint8Array(data.buffer);
        bytes[at % bytes.length] ^= 1 << bit;
        expect(await hashOf(changed)).not.toBe(original);
      }),
    );
  });

  test('changes with the topology, a path, a shape, a dtype and the order of weights', async () => {
    const { weights } = model();
    const renamed = new Map([...weights].map(([path, arrays]) => [path === 'b' ? 'c' : path, arrays]));
    const [kernel, bias] = weights.get('a')!;
    const variants: Checkpoint[] = [
      model(),
      { weights, topology: sequential(layer('Dense', 'a', { units: 3 }), layer('Dense', 'b', { units: 1 })) },
      { topology, weights: renamed },
      { topology, weights: new Map(weights).set('a', [{ ...kernel, shape: [2, 3] }, bias]) },
      { topology, weights: new Map(weights).set('a', [bias, kernel]) },
      { topology, weights: new Map(weights).set('a', [kernel]) },
      {
        topology,
        weights: new Map(weights).set('a', [ndarray(new Int32Array(kernel.data.buffer), kernel.shape), bias]),
      },
    ];
    const hashes = await Promise.all(variants.map(hashOf));
    expect(new Set(hashes).size).toBe(variants.length);
  });

  test('a setting that is null is one that is not given', async () => {
    const [first, second] = [{}, { maxValue: null, inner: { list: [null, 1], gone: null } }].map(config =>
      sequential(layer('ReLU', 'r', { inner: { list: [null, 1] }, ...config })),
    );
    const hashes = [first, second].map(changed => hashOf({ ...model(), topology: changed }));
    expect(await hashes[0]).toBe(await hashes[1]);
  });

  test('reads only the view, not the whole buffer behind it', async () => {
    const padded = new Float32Array([9, 1, 2, 9]);
    const view = { topology, weights: new Map([['a', [ndarray(padded.subarray(1, 3), [2])]]]) };
    const copy = { topology, weights: new Map([['a', [ndarray(Float32Array.from([1, 2]), [2])]]]) };
    expect(await hashOf(view)).toBe(await hashOf(copy));
  });
});
