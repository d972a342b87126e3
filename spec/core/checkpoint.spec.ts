import {
  isContainer,
  join,
  leaves,
  mapLeaves,
  nameOf,
  parameterCount,
  requireUniquePaths,
  weightsOf,
  type Topology,
} from '../../lib/core/checkpoint';
import { refusal } from '../zoo/refusal';
import { checkpoint, functional, input, layer, sequential } from '../zoo/topology';

const inner = { ...sequential(layer('Dense', 'd', { units: 3 }), layer('ReLU', 'r')), name: 'inner' };
const named = { ...inner, config: { ...inner.config, name: 'inner' } };
const nested: Topology = functional(
  [
    input('x', [4]),
    layer('Dense', 'd', { units: 3 }, ['x']),
    { ...named, inboundNodes: [[['d', 0, 0]]] },
    layer('Dense', 'head', { units: 2 }, ['inner']),
  ],
  ['head'],
);

describe('paths', () => {
  test('join leaves the outermost model unnamed', () => {
    expect(join('', 'conv')).toBe('conv');
    expect(join('a/b', 'conv')).toBe('a/b/conv');
  });

  test('the name in the config goes before the name of the spec', () => {
    expect(nameOf({ className: 'Dense', name: 'outer', config: { name: 'own' } })).toBe('own');
    expect(nameOf({ className: 'Dense', name: 'outer', config: {} })).toBe('outer');
  });

  test('leaves lists every layer with its path in topology order', () => {
    expect(leaves(nested).map(({ path, spec }) => `${path}:${spec.className}`)).toEqual([
      'x:InputLayer',
      'd:Dense',
      'inner/d:Dense',
      'inner/r:ReLU',
      'head:Dense',
    ]);
  });

  test('a container is what has layers, whatever its class is called', () => {
    expect(isContainer(named)).toBe(true);
    expect(isContainer(layer('Dense', 'd'))).toBe(false);
  });
});

describe('mapLeaves', () => {
  test('changes leaves by path, keeps everything else, and copies', () => {
    const before = JSON.stringify(nested);
    const changed = mapLeaves(nested, (spec, path) =>
      path === 'inner/d' ? { ...spec, config: { ...spec.config, units: 7 } } : spec,
    );
    expect(JSON.stringify(nested)).toBe(before);
    const units = leaves(changed).map(({ path, spec }) => [path, spec.config.units]);
    expect(units).toEqual([
      ['x', undefined],
      ['d', 3],
      ['inner/d', 7],
      ['inner/r', undefined],
      ['head', 2],
    ]);
    expect(changed.config.layers[2].inboundNodes).toEqual([[['d', 0, 0]]]);
    expect(changed.config.outputLayers).toEqual(nested.config.outputLayers);
  });

  test('without a change the copy is equal', () => {
    expect(mapLeaves(nested, spec => spec)).toEqual(nested);
  });
});

describe('weights', () => {
  const model = checkpoint(nested, { d: [[4, 3], [3]], 'inner/d': [[3, 3], [3]], head: [[3, 2], [2]] });

  test('weightsOf gives none for a layer without weights', () => {
    expect(weightsOf(model, 'inner/d').map(({ shape }) => shape)).toEqual([[3, 3], [3]]);
    expect(weightsOf(model, 'inner/r')).toEqual([]);
  });

  test('parameterCount counts every stored value', () => {
    expect(parameterCount(model)).toBe(15 + 12 + 8);
    expect(parameterCount({ ...model, weights: new Map() })).toBe(0);
  });
});

describe('requireUniquePaths', () => {
  test('accepts one name on two levels', () => {
    expect(() => requireUniquePaths(nested)).not.toThrow();
  });

  test('refuses two layers of one path', () => {
    const twice = sequential(layer('Dense', 'd'), layer('Dense', 'd'));
    const error = refusal(() => requireUniquePaths(twice));
    expect(error.code).toBe('bad-model');
    expect(error.message).toContain('layer "d"');
  });

  test('refuses a layer whose name spells the path of a nested one', () => {
    const topology = functional([input('x', [4]), named, layer('Dense', 'inner/d', {}, ['x'])], ['inner/d']);
    expect(refusal(() => requireUniquePaths(topology)).code).toBe('bad-model');
  });
});
