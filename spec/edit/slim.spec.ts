import { ndarray, type NdArray } from '../../lib/core/array';
import type { Checkpoint, LayerSpec, Topology } from '../../lib/core/checkpoint';
import { SLIMMABLE, unwrap, wrapNorms } from '../../lib/edit/slim';

const array = (value: number, size = 2): NdArray => ndarray(new Float32Array(size).fill(value), [size]);
const norm = (name: string, more: object = {}): LayerSpec => ({
  className: 'BatchNormalization',
  config: { name, trainable: true, axis: -1, scale: true, ...more },
});
const sequential = (...layers: LayerSpec[]): Topology => ({ className: 'Sequential', config: { name: 'net', layers } });
const node = (...from: (string | [string, number])[]) =>
  from.map(f => (typeof f === 'string' ? [f, 0, 0, {}] : [f[0], f[1], 0, {}]));
const called = (spec: LayerSpec, ...inboundNodes: ReturnType<typeof node>[]): LayerSpec =>
  ({ ...spec, name: spec.config.name, inboundNodes }) as unknown as LayerSpec;
const wrappedConv = (name: string, activation?: string, more: object = {}): LayerSpec => ({
  className: SLIMMABLE,
  config: {
    name,
    trainable: true,
    l1: 0.1,
    layer: { className: 'Conv2D', config: { name, filters: 2, trainable: true, activation, ...more } },
    norm: { className: 'BatchNormalization', config: { name: `${name}_own`, axis: -1, momentum: 0.9 } },
  },
});
const convWeights = [1, 2, 3, 4, 5, 6].map(value => array(value));

describe('wrapNorms', () => {
  const model: Checkpoint = {
    topology: sequential(
      norm('first', { batchInputShape: [null, 2], dtype: 'float32' }),
      { className: 'Dense', config: { name: 'd' } },
      sequential(norm('inner')),
      norm('bare', { scale: false }),
    ),
    weights: new Map([['first', [array(1)]]]),
  };

  test('wraps what has a gamma, at every depth, under its own name', () => {
    const { topology, weights } = wrapNorms(model, { l1: 0.3 });
    const [first, dense, inner, bare] = topology.config.layers;
    expect(first).toEqual({
      className: SLIMMABLE,
      config: {
        name: 'first',
        trainable: true,
        batchInputShape: [null, 2],
        dtype: 'float32',
        l1: 0.3,
        layer: model.topology.config.layers[0],
      },
    });
    expect((inner as Topology).config.layers[0]).toMatchObject({
      className: SLIMMABLE,
      config: { name: 'inner', l1: 0.3 },
    });
    expect([dense, bare]).toEqual([model.topology.config.layers[1], model.topology.config.layers[3]]);
    expect(weights).toBe(model.weights);
  });

  test('is undone by unwrap, and sets the strength of wrappers that are there', () => {
    const copy = JSON.stringify(model.topology);
    const twice = wrapNorms(wrapNorms(model, { l1: 0.3 }), { l1: 0.7 });
    expect(twice).toEqual(wrapNorms(model, { l1: 0.7 }));
    expect(unwrap(twice)).toEqual(model);
    expect(JSON.stringify(model.topology)).toBe(copy);
  });
});

describe('unwrap', () => {
  test('makes a Sequential of convolution, BatchNormalization and activation', () => {
    const topology = sequential(wrappedConv('c', 'relu', { batchInputShape: [null, 4, 4, 1] }), norm('n'));
    const weights = new Map([
      ['c', convWeights],
      ['n', [array(7)]],
    ]);
    expect(unwrap({ topology, weights })).toEqual({
      topology: sequential(
        {
          className: 'Conv2D',
          config: { name: 'c', filters: 2, trainable: true, activation: 'linear', batchInputShape: [null, 4, 4, 1] },
        },
        { className: 'BatchNormalization', config: { name: 'c_bn', axis: -1, momentum: 0.9, trainable: true } },
        { className: 'Activation', config: { name: 'c_activation', trainable: true, activation: 'relu' } },
        norm('n'),
      ),
      weights: new Map([
        ['c', convWeights.slice(0, 2)],
        ['c_bn', convWeights.slice(2)],
        ['n', [array(7)]],
      ]),
    });
  });

  test.each([undefined, null, 'linear'])('adds no activation for %p', activation => {
    const { topology } = unwrap({ topology: sequential(wrappedConv('c', activation as never)), weights: new Map() });
    expect(topology.config.layers.map(({ className }) => className)).toEqual(['Conv2D', 'BatchNormalization']);
  });

  test('without bias the kernel alone stays with the convolution', () => {
    const weights = new Map([['c', convWeights.slice(1)]]);
    const { weights: split } = unwrap({ topology: sequential(wrappedConv('c')), weights });
    expect([split.get('c')!.length, split.get('c_bn')!.length]).toEqual([1, 4]);
  });

  test('finds names that are free', () => {
    const topology = sequential(wrappedConv('c', 'relu'), norm('c_bn'), norm('c_bn_'));
    const weights = new Map([
      ['c', convWeights],
      ['c_bn', [array(8)]],
      ['c_bn_', [array(9)]],
    ]);
    const result = unwrap({ topology, weights });
    expect(result.topology.config.layers.map(({ config }) => config.name)).toEqual([
      'c',
      'c_bn__',
      'c_activation',
      'c_bn',
      'c_bn_',
    ]);
    expect([...result.weights.keys()]).toEqual(['c', 'c_bn__', 'c_bn', 'c_bn_']);
    expect(result.weights.get('c_bn')![0].data[0]).toBe(8);
  });

  test('rewires a functional model: shared calls, calls on its own output, outputs', () => {
    const topology: Topology = {
      className: 'Model',
      config: {
        name: 'net',
        layers: [
          called({ className: 'InputLayer', config: { name: 'x' } }),
          called(wrappedConv('c', 'relu'), node('x'), node(['c', 0])),
          called(wrappedConv('d'), node(['c', 1])),
          called({ className: 'Add', config: { name: 'sum' } }, node(['c', 0], ['c', 1], 'd')),
        ],
        inputLayers: [['x', 0, 0]],
        outputLayers: [
          ['sum', 0, 0],
          ['c', 1, 0],
          ['d', 0, 0],
        ],
      },
    };
    const { config } = unwrap({
      topology,
      weights: new Map([
        ['c', convWeights],
        ['d', convWeights],
      ]),
    }).topology;
    expect(config.layers.map(spec => [spec.name, spec.inboundNodes])).toEqual([
      ['x', []],
      ['c', [node('x'), node(['c_activation', 0])]],
      ['c_bn', [node(['c', 0]), node(['c', 1])]],
      ['c_activation', [node(['c_bn', 0]), node(['c_bn', 1])]],
      ['d', [node(['c_activation', 1])]],
      ['d_bn', [node(['d', 0])]],
      ['sum', [node(['c_activation', 0], ['c_activation', 1], 'd_bn')]],
    ]);
    expect(config.outputLayers).toEqual([
      ['sum', 0, 0],
      ['c_activation', 1, 0],
      ['d_bn', 0, 0],
    ]);
    expect(config.inputLayers).toEqual([['x', 0, 0]]);
  });

  test('works inside nested models, whose names stay', () => {
    const inner = {
      ...sequential(wrappedConv('c', 'relu')),
      config: { ...sequential(wrappedConv('c', 'relu')).config, name: 'inner' },
    };
    const { topology, weights } = unwrap({
      topology: sequential(inner, norm('n')),
      weights: new Map([['inner/c', convWeights]]),
    });
    expect([...weights.keys()]).toEqual(['inner/c', 'inner/c_bn']);
    expect((topology.config.layers[0] as Topology).config.layers).toHaveLength(3);
  });

  test('leaves a model without wrappers as it is', () => {
    const model = { topology: sequential(norm('a'), norm('b')), weights: new Map([['a', [array(1)]]]) };
    expect(unwrap(model)).toEqual(model);
  });
});
