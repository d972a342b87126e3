/** Topologies that tf.js would not make: missing rules, damage, cycles, and size. */
import type { Checkpoint, LayerSpec, Topology } from '../../lib/core/checkpoint';
import { mask, slice } from '../../lib/edit/slice';
import { groups, groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { costOf } from '../../lib/report/cost';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, noise, sequential } from '../zoo/topology';

const dense = (name: string, units: number, ...calls: string[][]): LayerSpec =>
  layer('Dense', name, { units }, ...calls);

/** x[4] -> a[3] -> b[2] */
const small: Topology = functional([input('x', [4]), dense('a', 3, ['x']), dense('b', 2, ['a'])], ['b']);
const shapes = { a: [[4, 3], [3]], b: [[3, 2], [2]] };
const good = checkpoint(small, shapes);

function withLayers(...layers: LayerSpec[]): Topology {
  return { ...small, config: { ...small.config, layers } };
}

describe('missing rules', () => {
  test('all classes without a rule are named at once, nested ones with their path', () => {
    const inner = {
      ...sequential(layer('Oracle', 'memory')),
      config: { name: 'inner', layers: [layer('Oracle', 'memory')] },
    };
    const topology = withLayers(
      input('x', [4]),
      layer('Lambda', 'f', {}, ['x']),
      inner,
      layer('Lambda', 'g', {}, ['f']),
    );
    const error = refusal(() => trace(checkpoint(topology, {})));
    expect(error.code).toBe('no-rule');
    expect(error.message).toContain('Lambda ("f"), Oracle ("inner/memory"), Lambda ("g")');
  });
});

describe('damaged models are refused as bad-model', () => {
  const cases: Record<string, Checkpoint> = {
    'a layer that feeds itself': {
      ...good,
      topology: withLayers(input('x', [4]), dense('a', 3, ['a']), dense('b', 2, ['a'])),
    },
    'a longer cycle': { ...good, topology: withLayers(input('x', [4]), dense('a', 3, ['b']), dense('b', 2, ['a'])) },
    'an input that does not exist': {
      ...good,
      topology: withLayers(input('x', [4]), dense('a', 3, ['y']), dense('b', 2, ['a'])),
    },
    'an output that does not exist': {
      ...good,
      topology: { ...small, config: { ...small.config, outputLayers: [['c', 0, 0]] } },
    },
    'a call that does not exist': {
      ...good,
      topology: { ...small, config: { ...small.config, outputLayers: [['b', 1, 0]] } },
    },
    'a second output of a layer with one': {
      ...good,
      topology: { ...small, config: { ...small.config, outputLayers: [['b', 0, 1]] } },
    },
    'a layer without its weights': checkpoint(small, { a: shapes.a }),
    'a layer without its bias': checkpoint(small, { ...shapes, b: [[3, 2]] }),
    'a bias of another width': checkpoint(small, { ...shapes, a: [[4, 3], [2]] }),
    'a kernel that does not fit its input': checkpoint(small, { ...shapes, b: [[5, 2], [2]] }),
    'a convolution without weights': checkpoint(
      sequential(layer('Conv2D', 'c', { filters: 2, kernelSize: [1, 1], batchInputShape: [null, 3, 3, 1] })),
      {},
    ),
    'a PReLU without weights': checkpoint(sequential(layer('PReLU', 'p', { batchInputShape: [null, 3] })), {}),
    'a first layer without an input shape': checkpoint(sequential(dense('a', 3)), { a: shapes.a }),
    'an image that is flattened without a known size': checkpoint(
      sequential(layer('Flatten', 'f', { batchInputShape: [null, null, 4, 2] })),
      {},
    ),
    'a concatenation that does not fit': checkpoint(
      functional(
        [
          input('x', [2, 3]),
          input('y', [2, 4]),
          layer('Concatenate', 'c', { axis: 1 }, ['x', 'y']),
          dense('a', 2, ['c']),
        ],
        ['a'],
      ),
      { a: [[3, 2], [2]] },
    ),
    'a sum that does not fit': checkpoint(
      functional([input('x', [3]), input('y', [4]), layer('Add', 's', {}, ['x', 'y']), dense('a', 2, ['s'])], ['a']),
      { a: [[4, 2], [2]] },
    ),
  };

  test.each(Object.entries(cases))('%s', (_, model) => {
    expect(refusal(() => trace(model)).code).toBe('bad-model');
  });

  test('the intact model is not', () => {
    expect(groups(good).map(({ name }) => name)).toEqual(['x', 'a', 'b']);
  });

  test('the message names layer, weight and shape', () => {
    expect(refusal(() => trace(cases['a kernel that does not fit its input'])).message).toBe(
      'layer "b": expected weight 0 (kernel) with 3 positions on axis 0, got shape [5, 2]. ' +
        'Weights and topology disagree; save the model again.',
    );
  });
});

describe('order', () => {
  test('the order in which a config lists its layers changes neither groups nor sites', () => {
    const shuffled = withLayers(...[2, 1, 0].map(i => small.config.layers[i]));
    const sorted = (model: Checkpoint): unknown =>
      groups(model)
        .map(({ name, units, sites }) => [
          name,
          units.length,
          sites.map(({ layer, weight, axis }) => [layer, weight, axis]).sort(),
        ])
        .sort();
    expect(sorted({ ...good, topology: shuffled })).toEqual(sorted(good));
  });

  test('a layer that no output needs is traced as well', () => {
    const topology = withLayers(input('x', [4]), dense('a', 3, ['x']), dense('b', 2, ['a']), dense('dead', 5, ['a']));
    const model = checkpoint(topology, { ...shapes, dead: [[3, 5], [5]] });
    const dead = groups(model).find(({ name }) => name === 'dead')!;
    expect(dead.frozen).toBeUndefined();
    const traced = trace(model);
    const a = groupsOf(traced).find(({ name }) => name === 'a')!;
    expect(slice(model, traced, new Set([a.units[1]])).weights.get('dead')![0].shape).toEqual([2, 5]);
  });
});

describe('depth and width', () => {
  const LAYERS = 10_000;
  const names = Array.from({ length: LAYERS }, (_, i) => `d${i}`);
  const pair = [noise([2, 2]), noise([2])];
  const weights = new Map(names.map(name => [name, pair]));
  const before = (i: number): string => (i === 0 ? 'x' : names[i - 1]);

  test('a Sequential of 10,000 layers', () => {
    const [first, ...rest] = names.map(name => dense(name, 2));
    const batchInputShape = [null, 2];
    const model = {
      topology: sequential({ ...first, config: { ...first.config, batchInputShape } }, ...rest),
      weights,
    };
    expect(groups(model)).toHaveLength(LAYERS + 1);
    expect(costOf(model)).toMatchObject({ parameters: LAYERS * 6, macs: LAYERS * 4 });
  });

  test.each(['forwards', 'backwards'])('a graph of 10,000 layers, listed %s', direction => {
    const chain = [input('x', [2]), ...names.map((name, i) => dense(name, 2, [before(i)]))];
    const topology = functional(direction === 'forwards' ? chain : chain.reverse(), [names[LAYERS - 1]]);
    const model = { topology, weights };
    const traced = trace(model);
    const removed = new Set(groupsOf(traced).flatMap(({ units, frozen }) => (frozen === undefined ? [units[0]] : [])));
    expect(removed.size).toBe(LAYERS - 1);
    expect(slice(model, traced, removed).weights.get(names[1])![0].shape).toEqual([1, 1]);
    expect(mask(model, traced, removed).weights.get(names[1])![0].shape).toEqual([2, 2]);
  });

  test('a residual stream through 10,000 layers is one group', () => {
    const blocks = names.flatMap((name, i) => {
      const stream = i === 0 ? 'stem' : `s${i - 1}`;
      return [dense(name, 2, [stream]), layer('Add', `s${i}`, {}, [stream, name])];
    });
    const layers = [input('x', [2]), dense('stem', 2, ['x']), ...blocks, dense('head', 1, [`s${LAYERS - 1}`])];
    const all = new Map(weights).set('stem', [noise([2, 2]), noise([2])]).set('head', [noise([2, 1]), noise([1])]);
    const found = groups({ topology: functional(layers, ['head']), weights: all });
    expect(found.map(({ name, units }) => [name, units.length])).toEqual([
      ['x', 2],
      ['stem', 2],
      ['head', 1],
    ]);
    expect(found[1].sites).toHaveLength(3 * LAYERS + 3);
  });

  test('models nested in models 200 deep', () => {
    let inner: LayerSpec = { ...dense('core', 2), config: { name: 'core', units: 2, batchInputShape: [null, 2] } };
    for (let i = 0; i < 200; i++) {
      inner = { className: 'Sequential', name: `m${i}`, config: { name: `m${i}`, layers: [inner] } };
    }
    const path = [...Array.from({ length: 199 }, (_, i) => `m${198 - i}`), 'core'].join('/');
    const model = checkpoint(inner as Topology, { [path]: [[2, 2], [2]] });
    expect(groups(model).map(({ frozen }) => frozen)).toEqual(['model input', 'model output']);
  });

  test('a wide layer costs no more than its width', () => {
    const WIDTH = 20_000;
    const topology = functional(
      [
        input('x', [1]),
        dense('a', WIDTH, ['x']),
        dense('b', WIDTH, ['x']),
        layer('Add', 's', {}, ['a', 'b']),
        dense('c', 1, ['s']),
      ],
      ['c'],
    );
    const model = checkpoint(topology, { a: [[1, WIDTH], [WIDTH]], b: [[1, WIDTH], [WIDTH]], c: [[WIDTH, 1], [1]] });
    const traced = trace(model);
    const found = groupsOf(traced);
    expect(found.map(({ units }) => units.length)).toEqual([1, WIDTH, 1]);
    const removed = new Set(found[1].units.slice(0, WIDTH / 2));
    expect(slice(model, traced, removed).weights.get('c')![0].shape).toEqual([WIDTH / 2, 1]);
  });
});
