import * as layers from '@tensorflow/tfjs-layers';
import type { Topology } from '../../lib/core/checkpoint';
import { headsOf, withLinear } from '../../lib/runtime/heads';
import { activation, dense, dropout, mlp, onWasm } from './help';

onWasm();

const L = layers.layers;
type Flow = layers.SymbolicTensor;

function topologyOf(model: layers.LayersModel): Topology {
  return { className: model.getClassName(), config: JSON.parse(JSON.stringify(model.getConfig())) };
}

function ending(...end: layers.layers.Layer[]): Topology {
  return topologyOf(
    layers.sequential({ name: 'net', layers: [dense({ name: 'd', units: 3, inputShape: [4] }), ...end] }),
  );
}

/** The same layers, functional. */
function functional(...end: layers.layers.Layer[]): Topology {
  const x = layers.input({ shape: [4], name: 'x' });
  const flow = [dense({ name: 'd', units: 3 }), ...end].reduce((from, layer) => layer.apply(from) as Flow, x);
  return topologyOf(layers.model({ inputs: x, outputs: flow }));
}

const ends: [string, () => layers.layers.Layer[], object][] = [
  [
    'an activation of the layer',
    () => [dense({ name: 'e', units: 2, activation: 'sigmoid' })],
    { path: 'e', activation: 'sigmoid' },
  ],
  ['none', () => [dense({ name: 'e', units: 2 })], { path: 'e', activation: 'linear' }],
  ['an Activation', () => [activation({ name: 'e', activation: 'tanh' })], { path: 'e', activation: 'tanh' }],
  ['a Softmax', () => [L.softmax({ name: 'e', axis: -1 })], { path: 'e', activation: 'softmax' }],
  ['a Softmax along axis 1', () => [L.softmax({ name: 'e' })], { path: 'e', activation: 'softmax', direct: false }],
  [
    'a Reshape after it',
    () => [L.softmax({ name: 'e' }), L.reshape({ targetShape: [3, 1] })],
    { path: 'e', activation: 'softmax', direct: false },
  ],
  [
    'Dropout, Reshape and Flatten after it',
    () => [L.softmax({ name: 'e' }), dropout({ rate: 0.5 }), L.reshape({ targetShape: [3, 1] }), L.flatten()],
    { path: 'e', activation: 'softmax', direct: false },
  ],
  [
    'a Reshape after nothing',
    () => [L.reshape({ name: 'e', targetShape: [3, 1] })],
    { path: 'e', activation: 'linear' },
  ],
  [
    'a recurrent layer',
    () => [L.reshape({ targetShape: [3, 1] }), L.simpleRNN({ name: 'e', units: 2, recurrentInitializer: 'zeros' })],
    { path: 'e', activation: 'linear' },
  ],
];

describe.each(ends)('%s', (_, end, expected) => {
  test.each([
    ['sequential', ending],
    ['functional', functional],
  ])('%s', (__, make) => expect(headsOf(make(...end()))).toEqual([{ free: true, direct: true, ...expected }]));
});

test('a nested model ends in its own last layer', () => {
  expect(headsOf(ending(mlp({ name: 'inner', inputs: 3 })))).toEqual([
    { path: 'inner/c', activation: 'softmax', free: true, direct: true },
  ]);
});

test('an activation that something else reads, or that ends two outputs, is not free', () => {
  const x = layers.input({ shape: [4], name: 'x' });
  const p = dense({ name: 'p', units: 3, activation: 'softmax' }).apply(x) as Flow;
  const q = dense({ name: 'q', units: 3, activation: 'softmax' }).apply(p) as Flow;
  expect(
    headsOf(topologyOf(layers.model({ inputs: x, outputs: [p, q] }))).map(({ path, free }) => [path, free]),
  ).toEqual([
    ['p', false],
    ['q', true],
  ]);
  const y = layers.input({ shape: [4], name: 'y' });
  const shared = dense({ name: 's', units: 3, activation: 'softmax' });
  const outputs = [x, y].map(from => shared.apply(from) as Flow);
  expect(headsOf(topologyOf(layers.model({ inputs: [x, y], outputs }))).map(({ free }) => free)).toEqual([
    false,
    false,
  ]);
});

test('a nested model that is read twice is not free', () => {
  const x = layers.input({ shape: [3], name: 'x' });
  const inner = mlp({ name: 'inner', inputs: 3 });
  const outputs = inner.apply(inner.apply(x)) as Flow;
  expect(headsOf(topologyOf(layers.model({ inputs: x, outputs })))).toEqual([
    { path: 'inner/c', activation: 'softmax', free: false, direct: true },
  ]);
});

test('withLinear changes only the layers named', () => {
  const topology = ending(dense({ name: 'e', units: 2, activation: 'relu' }), L.softmax({ name: 's' }));
  const { layers: specs } = withLinear(topology, new Set(['s', 'e'])).config;
  expect(specs[0]).toEqual(topology.config.layers[0]);
  expect(specs[1].config.activation).toBe('linear');
  expect(specs[2]).toEqual({ className: 'Activation', config: { name: 's', trainable: true, activation: 'linear' } });
});
