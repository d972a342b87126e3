/** The words of several writers for one topology, as pure data. */
import { PruneError } from '../../lib/core/errors';
import type { Json, Refuse } from '../../lib/core/json';
import { readTopology } from '../../lib/io/keras';
import { refusal } from '../zoo/refusal';

const refuse: Refuse = (expected, got) => {
  throw new PruneError('bad-file', { place: 'spec', expected, got, cure: 'None.' });
};
const isModel = (className: string): boolean => ['Sequential', 'Functional'].includes(className);
const read = (topology: object) => readTopology(topology as Json, isModel, refuse);
const dense = (name: string, more: object = {}) => ({ class_name: 'Dense', name, config: { name, units: 2, ...more } });
const input = (name: string) => ({
  class_name: 'InputLayer',
  name,
  config: { name, batch_input_shape: [null, 2] },
  inbound_nodes: [],
});
const tensor = (...history: unknown[]) => ({
  class_name: '__keras_tensor__',
  config: { shape: [null, 2], keras_history: history },
});
const graph = (layers: object[], ends: object = {}) => ({
  class_name: 'Functional',
  config: { name: 'net', layers, input_layers: [['x', 0, 0]], output_layers: [['d', 0, 0]], ...ends },
});

test('words become those of tf.js, names and classes stay', () => {
  const { config } = read({
    class_name: 'Sequential',
    config: {
      name: 'my_net',
      layers: [
        dense('my_layer', {
          activation: 'hard_sigmoid',
          batch_input_shape: [null, 3],
          kernel_initializer: { class_name: 'Random_Normal', config: { mean: 0, std_dev: 1 } },
        }),
      ],
    },
  });
  expect(config).toEqual({
    name: 'my_net',
    layers: [
      {
        className: 'Dense',
        name: 'my_layer',
        config: {
          name: 'my_layer',
          units: 2,
          activation: 'hardSigmoid',
          batchInputShape: [null, 3],
          kernelInitializer: { className: 'Random_Normal', config: { mean: 0, stdDev: 1 } },
        },
      },
    ],
  });
});

describe('Keras 1 and 2', () => {
  test('the list of layers for the config of a Sequential', () => {
    const { config, className } = read({ class_name: 'Sequential', config: [dense('a'), dense('b')] });
    expect([className, config.name, config.layers.map(({ name }) => name)]).toEqual([
      'Sequential',
      'model',
      ['a', 'b'],
    ]);
  });

  test('the input shape of a Sequential that was built later', () => {
    const { config } = read({
      class_name: 'Sequential',
      config: { name: 'n', layers: [dense('a'), dense('b')], build_input_shape: [null, 7] },
    });
    expect(config.layers.map(layer => layer.config.batchInputShape)).toEqual([[null, 7], undefined]);
  });

  test('axes in lists, older names of classes, policies for types', () => {
    const norm = {
      class_name: 'BatchNormalizationV1',
      config: { name: 'n', axis: [3], dtype: { class_name: 'Policy', config: { name: 'mixed_float16' } } },
    };
    const { config } = read({
      model_config: {
        class_name: 'Sequential',
        config: { name: 's', layers: [norm, dense('d', { dtype: 'mixed_bfloat16' })] },
      },
    });
    expect(config.layers[0]).toEqual({
      className: 'BatchNormalization',
      name: 'n',
      config: { name: 'n', axis: 3, dtype: 'float32' },
    });
    expect(config.layers[1].config.dtype).toBe('float32');
  });

  test('calls with arguments', () => {
    const { config } = read(
      graph([input('x'), { ...dense('d'), inbound_nodes: [[['x', 0, 0, { training: false, time_step: 1 }]]] }]),
    );
    expect(config.layers[1].inboundNodes).toEqual([[['x', 0, 0, { training: false, timeStep: 1 }]]]);
    const masked = [[['x', 0, 0, { mask: ['x', 0, 0] }]]];
    expect(refusal(() => read(graph([input('x'), { ...dense('d'), inbound_nodes: masked }]))).message).toContain(
      'inputs alone',
    );
  });
});

describe('Keras 3', () => {
  const call = (...tensors: unknown[]) => ({ args: tensors, kwargs: { mask: null } });

  test('inputs, types and calls', () => {
    const { config } = read(
      graph(
        [
          {
            module: 'keras.layers',
            class_name: 'InputLayer',
            name: 'x',
            config: { name: 'x', batch_shape: [null, 2], sparse: false },
            inbound_nodes: [],
          },
          {
            ...dense('d', {
              dtype: { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' } },
              activation: { class_name: 'function', config: 'log_softmax' },
            }),
            build_config: { input_shape: [null, 2] },
            inbound_nodes: [call(tensor('x', 0, 0))],
          },
        ],
        { input_layers: ['x', 0, 0], output_layers: ['d', 0, 0] },
      ),
    );
    expect(config).toEqual({
      name: 'net',
      inputLayers: [['x', 0, 0]],
      outputLayers: [['d', 0, 0]],
      layers: [
        {
          className: 'InputLayer',
          name: 'x',
          config: { name: 'x', batchInputShape: [null, 2], sparse: false },
          inboundNodes: [],
        },
        {
          className: 'Dense',
          name: 'd',
          config: { name: 'd', units: 2, dtype: 'float32', activation: 'logSoftmax' },
          inboundNodes: [[['x', 0, 0, {}]]],
        },
      ],
    });
  });

  test('nested models are counted from 1 at calls, a Sequential also at the end', () => {
    const part = (className: string) => ({
      ...graph([input('x'), { ...dense('d'), inbound_nodes: [call(tensor('x', 0, 0))] }]),
      class_name: className,
    });
    const nest = (className: string, end: number) => {
      const inner = part(className);
      inner.config.name = 'part';
      const layers = [
        input('x'),
        { ...inner, name: 'part', inbound_nodes: [call(tensor('x', 0, 0)), call(tensor('part', 0, 0))] },
      ];
      return read(graph(layers, { output_layers: ['part', end, 0] })).config;
    };
    for (const config of [nest('Functional', 2), nest('Sequential', 1)]) {
      expect(config.layers[1].inboundNodes).toEqual([[['x', 0, 0, {}]], [['part', 1, 0, {}]]]);
      expect(config.outputLayers).toEqual([['part', 2, 0]]);
    }
  });

  test('tuples', () => {
    const layer = dense('d', { kernel_size: { class_name: '__tuple__', items: [3, 3] } });
    expect(
      read({ class_name: 'Sequential', config: { name: 's', layers: [layer] } }).config.layers[0].config.kernelSize,
    ).toEqual([3, 3]);
  });

  test('both directions of Bidirectional, which tf.js makes of one', () => {
    const direction = (name: string, more: object = {}) => ({
      class_name: 'LSTM',
      config: { name, units: 3, go_backwards: false, ...more },
    });
    const both = (layer: object, backward_layer: object) =>
      read({
        class_name: 'Sequential',
        config: { name: 's', layers: [{ class_name: 'Bidirectional', config: { name: 'b', layer, backward_layer } }] },
      });
    const { config } = both(direction('forward_l'), direction('backward_l', { go_backwards: true })).config.layers[0];
    expect(config).toEqual({
      name: 'b',
      layer: { className: 'LSTM', name: 'l', config: { units: 3, goBackwards: false, name: 'l' } },
    });
    for (const more of [{ go_backwards: false }, { go_backwards: true, units: 4 }]) {
      expect(refusal(() => both(direction('forward_l'), direction('backward_l', more))).message).toContain(
        'one of two layers',
      );
    }
  });

  test.each([
    ['hard_sigmoid', { activation: 'hard_sigmoid' }],
    ['RMS scaling', { rms_scaling: true }],
  ])('%s, which tf.js would compute otherwise', (_, more) => {
    const model = {
      class_name: 'Sequential',
      config: { name: 's', layers: [{ class_name: 'LayerNormalization', config: { name: 'l', ...more } }] },
    };
    expect(refusal(() => read({ keras_version: '3.1', model_config: model })).code).toBe('bad-file');
  });

  test('inputs by name', () => {
    const ends = { input_layers: { x: ['x', 0, 0] } };
    expect(refusal(() => read(graph([input('x'), dense('d')], ends))).message).toContain('a list input_layers');
  });
});
