import fc from 'fast-check';
import { gather, ndarray, sizeOf } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { keptSites, mask, slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { sameBytes } from '../zoo/bytes';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, sequential } from '../zoo/topology';

/** x[2,2,3] -> conv[4] -> bn -> flatten -> head[2] */
function model(): Checkpoint {
  const topology = sequential(
    layer('Conv2D', 'conv', { filters: 4, kernelSize: [1, 1], batchInputShape: [null, 2, 2, 3] }),
    layer('BatchNormalization', 'bn', { axis: -1 }),
    layer('Flatten', 'flatten'),
    layer('Dense', 'head', { units: 2 }),
  );
  return checkpoint(topology, { conv: [[1, 1, 3, 4], [4]], bn: [[4], [4], [4], [4]], head: [[16, 2], [2]] });
}

const units = (of: Checkpoint, name: string): readonly number[] =>
  groupsOf(trace(of)).find(group => group.name === name)!.units;
const configs = ({ topology }: Checkpoint): Record<string, unknown> =>
  Object.fromEntries(topology.config.layers.map(({ config }) => [config.name, config.filters ?? config.units]));

describe('slice', () => {
  test('cuts every site at its positions and nothing else', () => {
    const whole = model();
    const removed = [1, 3].map(i => units(whole, 'conv')[i]);
    const sliced = slice(whole, trace(whole), new Set(removed));
    const [kernel, bias] = whole.weights.get('conv')!;
    const [head, headBias] = whole.weights.get('head')!;
    expect(sliced.weights.get('conv')).toEqual([gather(kernel, 3, [0, 2]), gather(bias, 0, [0, 2])]);
    expect(sliced.weights.get('bn')).toEqual(whole.weights.get('bn')!.map(array => gather(array, 0, [0, 2])));
    expect(sliced.weights.get('head')).toEqual([gather(head, 0, [0, 2, 4, 6, 8, 10, 12, 14]), headBias]);
    expect([...sliced.weights.keys()]).toEqual([...whole.weights.keys()]);
    expect(configs(sliced)).toEqual({ conv: 2, bn: undefined, flatten: undefined, head: 2 });
  });

  test('leaves its argument alone and shares the arrays it did not touch', () => {
    const whole = model();
    const before = structuredClone(whole);
    const sliced = slice(whole, trace(whole), new Set([units(whole, 'conv')[0]]));
    expect(whole).toEqual(before);
    expect(sliced.weights.get('head')![1]).toBe(whole.weights.get('head')![1]);
  });

  test('a large cut keeps nothing of the memory that the original has in common', () => {
    const topology = sequential(
      layer('Dense', 'a', { units: 2048, batchInputShape: [null, 1030] }),
      layer('Dense', 'b', { units: 8 }),
    );
    const memory = new Float32Array(1030 * 2048 + 2048 + 2048 * 8 + 8).fill(0.5);
    memory.set([1, 2, 3], 2046); // the last of one row, the first of the next
    let at = 0;
    const weights = [
      [[1030, 2048], [2048]],
      [[2048, 8], [8]],
    ].map(shapes => shapes.map(shape => ndarray(memory.subarray(at, (at += sizeOf(shape))), shape)));
    const whole = { topology, weights: new Map(['a', 'b'].map((path, i) => [path, weights[i]])) };
    const [first] = units(whole, 'a');
    const sliced = slice(whole, trace(whole), new Set([first]));
    const buffers = new Set([...sliced.weights.values()].flat().map(({ data }) => data.buffer));
    expect([...buffers]).not.toContain(memory.buffer);
    expect(buffers.size).toBe(1);
    expect(sliced.weights.get('b')![1]).toEqual(weights[1][1]);
    const left = gather(
      weights[0][0],
      1,
      Array.from({ length: 2047 }, (_, i) => i + 1),
    );
    expect(sameBytes(sliced.weights.get('a')![0].data, left.data)).toBe(true);
  });

  test('refuses frozen units, with the reason', () => {
    const whole = model();
    const error = refusal(() => slice(whole, trace(whole), new Set([units(whole, 'head')[0]])));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain('a frozen one (model output)');
    expect(refusal(() => slice(whole, trace(whole), new Set([units(whole, 'input')[0]]))).code).toBe('bad-option');
  });

  test('refuses to empty a layer', () => {
    const whole = model();
    const error = refusal(() => slice(whole, trace(whole), new Set(units(whole, 'conv'))));
    expect(error.code).toBe('empty-group');
    expect(error.message).toBe(
      'slice: layer "conv": expected at least one unit to stay, got none of 4. Lower the ratio or set a minimum.',
    );
  });

  test('twice is once with both sets', () => {
    const subset = fc.subarray([0, 1, 2, 3], { maxLength: 2 });
    fc.assert(
      fc.property(subset, fc.nat(), (first, pick) => {
        const whole = model();
        const all = units(whole, 'conv');
        const half = slice(whole, trace(whole), new Set(first.map(i => all[i])));
        const left = all.filter((_, i) => !first.includes(i));
        const second = pick % left.length;
        const twice = slice(half, trace(half), new Set([units(half, 'conv')[second]]));
        const once = slice(whole, trace(whole), new Set([...first.map(i => all[i]), left[second]]));
        expect(twice).toEqual(once);
      }),
    );
  });
});

describe('mask', () => {
  test('zeroes what reads the units and keeps every shape', () => {
    const whole = model();
    const before = structuredClone(whole);
    const masked = mask(whole, trace(whole), new Set([units(whole, 'conv')[2]]));
    expect(whole).toEqual(before);
    expect(masked.topology).toBe(whole.topology);
    expect(masked.weights.get('conv')).toBe(whole.weights.get('conv'));
    expect(masked.weights.get('bn')).toBe(whole.weights.get('bn'));
    const [kernel, bias] = masked.weights.get('head')!;
    expect(bias).toBe(whole.weights.get('head')![1]);
    kernel.data.forEach((value, i) => {
      const original = whole.weights.get('head')![0].data[i];
      expect(value).toBe(Math.floor(i / 2) % 4 === 2 ? 0 : original);
    });
  });
});

describe('keptSites', () => {
  test('lists the sites that lose positions, with those that stay', () => {
    const whole = model();
    const kept = keptSites(trace(whole), new Set([units(whole, 'conv')[0]]));
    expect(kept.map(({ site, kept: stays }) => [site.layer, site.weight, site.axis, stays])).toEqual([
      ['conv', 0, 3, [1, 2, 3]],
      ['conv', 1, 0, [1, 2, 3]],
      ['bn', 0, 0, [1, 2, 3]],
      ['bn', 1, 0, [1, 2, 3]],
      ['bn', 2, 0, [1, 2, 3]],
      ['bn', 3, 0, [1, 2, 3]],
      ['head', 0, 0, [1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15]],
    ]);
    expect(keptSites(trace(whole), new Set())).toEqual([]);
  });
});

describe('nested models', () => {
  const inner = functional([input('y', [3]), layer('Dense', 'd', { units: 4 }, ['y'])], ['d']);
  const chain = sequential(layer('Dense', 'd', { units: 4, batchInputShape: [null, 3] }), layer('ReLU', 'r'));

  test.each([
    ['functional', { ...inner, config: { ...inner.config, name: 'inner' } }],
    ['Sequential', { ...chain, config: { ...chain.config, name: 'inner' } }],
  ])('the input shape of a %s model follows the units that enter it', (_, nested) => {
    const topology = functional(
      [
        input('x', [2]),
        layer('Dense', 'a', { units: 3 }, ['x']),
        { ...nested, name: 'inner', inboundNodes: [[['a', 0, 0, {}]]] },
        { ...layer('Dense', 'head', { units: 1 }), inboundNodes: [[['inner', 1, 0, {}]]] },
      ],
      ['head'],
    );
    const whole = checkpoint(topology, { a: [[2, 3], [3]], 'inner/d': [[3, 4], [4]], head: [[4, 1], [1]] });
    const removed = new Set([units(whole, 'a')[0], units(whole, 'inner/d')[1], units(whole, 'inner/d')[3]]);
    const sliced = slice(whole, trace(whole), removed);
    const [first] = (sliced.topology.config.layers[2] as typeof topology).config.layers;
    expect(first.config.batchInputShape).toEqual([null, 2]);
    expect((whole.topology.config.layers[2] as typeof topology).config.layers[0].config.batchInputShape).toEqual([
      null,
      3,
    ]);
    expect(sliced.topology.config.layers[0].config.batchInputShape).toEqual([null, 2]);
  });
});
