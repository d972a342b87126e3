/** Every rule against tf.js itself: shapes, counts, and what it does with settings it does not know. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import * as layers from '@tensorflow/tfjs-layers';
import { leaves, mapLeaves, type Checkpoint } from '../../lib/core/checkpoint';
import { groups, type Group } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { RULES, ruleOf } from '../../lib/rules';
import { capture } from '../../lib/runtime/capture';
import { layersOf } from '../../lib/runtime/leaves';
import { unusable } from '../zoo/moved';
import { NETS, NET_NAMES } from '../zoo/nets';

const models = new Map<string, Checkpoint>();

beforeAll(async () => {
  for (const [name, build] of Object.entries({ ...NETS, ...unusable })) {
    const net = build();
    models.set(name, await capture(net));
    net.dispose();
  }
});

test('the table has one rule per class and finds each', () => {
  expect(new Set(RULES.map(({ className }) => className)).size).toBe(RULES.length);
  for (const rule of RULES) expect(ruleOf(rule.className)).toBe(rule);
  expect(ruleOf('Nonesuch')).toBeUndefined();
});

test('every class is one that tf.js knows by that name', () => {
  const known = tf.serialization.SerializationMap.getMap().classNameMap;
  for (const { className } of RULES) expect(known[className]?.[0].className).toBe(className);
});

test.each(RULES.map(({ className }) => className))('%s appears in a net of the zoo', className => {
  const nets = [...models].filter(([, { topology }]) =>
    leaves(topology).some(({ spec }) => spec.className === className),
  );
  expect(nets.length).toBeGreaterThan(0);
});

describe('traced shapes are those of tf.js', () => {
  test.each(NET_NAMES)('%s', name => {
    const net = NETS[name]();
    const traced = new Map<string, Set<string>>();
    for (const { layer, outputs } of trace(models.get(name)!).calls) {
      for (const { shape } of outputs) traced.set(layer, (traced.get(layer) ?? new Set()).add(JSON.stringify(shape)));
    }
    let compared = 0;
    for (const { path, layer } of layersOf(net)) {
      const nodes = layer.inboundNodes as unknown as { outputTensors: layers.SymbolicTensor[] }[];
      const shapes = new Set(
        nodes.flatMap(({ outputTensors }) => outputTensors.map(({ shape }) => JSON.stringify(shape))),
      );
      // A nested model's own inputs are no call: the flow comes from outside.
      if (layer.getClassName() === 'InputLayer' && !traced.has(path)) continue;
      // tf.js's CenterCrop writes its own shape over that of its input.
      if (layer.outboundNodes.some(({ outboundLayer }) => outboundLayer.getClassName() === 'CenterCrop')) continue;
      expect({ path, shapes: asKnown([...traced.get(path)!], [...shapes]) }).toEqual({ path, shapes: [...shapes] });
      compared += 1;
    }
    expect(compared).toBeGreaterThanOrEqual(3);
    net.dispose();
  });
});

/** `traced` with null wherever tf.js does not know a size, as after a Reshape to -1. */
function asKnown(traced: readonly string[], known: readonly string[]): string[] {
  return traced.map((text, i) => {
    const shape = JSON.parse(known[i] ?? '[]') as (number | null)[];
    return JSON.stringify((JSON.parse(text) as number[]).map((size, a) => (shape[a] === null ? null : size)));
  });
}

test.each(['valid', 'same'] as const)(
  'tf.js ignores the dilation of a depthwise convolution (%s), and so does its rule',
  async padding => {
    const x = layers.input({ shape: [9, 8, 2], name: 'x' });
    const wise = layers.layers.depthwiseConv2d({ name: 'wise', kernelSize: 3, dilationRate: 2, padding });
    const net = layers.model({ inputs: x, outputs: wise.apply(x) as layers.SymbolicTensor });
    const [, ...computed] = tf.tidy(() => (net.predict(tf.zeros([1, 9, 8, 2])) as tf.Tensor).shape);
    const model = await capture(net);
    net.dispose();
    expect(
      trace(model)
        .calls.at(-1)!
        .outputs.map(({ shape }) => shape),
    ).toEqual([[null, ...computed]]);
  },
);

describe('multiply-accumulates by hand', () => {
  const shapes = (config: object, input: number[], output: number[], ...weights: number[][]) => ({
    config: config as Record<string, unknown>,
    inputs: [[null, ...input]],
    outputs: [[null, ...output]],
    weights,
  });

  test.each([
    ['Dense', shapes({}, [7], [5], [7, 5], [5]), 35],
    ['Dense', shapes({}, [4, 3, 7], [4, 3, 5], [7, 5], [5]), 4 * 3 * 35],
    ['Conv2D', shapes({}, [6, 5, 3], [6, 5, 8], [3, 3, 3, 8], [8]), 6 * 5 * 8 * (3 * 3 * 3)],
    ['Conv2D', shapes({}, [6, 5, 3], [2, 2, 8], [3, 2, 3, 8]), 2 * 2 * 8 * (3 * 2 * 3)],
    ['Conv2D', shapes({ dataFormat: 'channelsFirst' }, [3, 6, 5], [8, 6, 4], [3, 3, 3, 8]), 6 * 4 * 8 * 27],
    ['DepthwiseConv2D', shapes({}, [6, 5, 4], [6, 5, 8], [3, 3, 4, 2], [8]), 6 * 5 * 8 * 9],
    ['DepthwiseConv2D', shapes({}, [6, 5, 4], [3, 3, 4], [2, 3, 4, 1], [4]), 3 * 3 * 4 * 6],
    [
      'SeparableConv2D',
      shapes({}, [6, 5, 4], [6, 5, 7], [3, 3, 4, 2], [1, 1, 8, 7], [7]),
      6 * 5 * 8 * 9 + 6 * 5 * 8 * 7,
    ],
    ['Conv1D', shapes({}, [9, 3], [7, 8], [3, 3, 8], [8]), 7 * 8 * 9],
    ['Conv3D', shapes({}, [4, 5, 6, 3], [4, 5, 6, 8], [3, 3, 2, 3, 8], [8]), 4 * 5 * 6 * 8 * (3 * 3 * 2 * 3)],
    ['Conv2DTranspose', shapes({}, [6, 5, 3], [12, 10, 8], [3, 3, 8, 3], [8]), 6 * 5 * 3 * (3 * 3 * 8)],
    ['Conv3DTranspose', shapes({}, [2, 3, 4, 3], [4, 6, 8, 5], [2, 2, 2, 5, 3]), 2 * 3 * 4 * 3 * (8 * 5)],
    ['SimpleRNN', shapes({}, [6, 3], [4], [3, 4], [4, 4], [4]), 6 * (12 + 16)],
    ['GRU', shapes({}, [6, 3], [4], [3, 12], [4, 12], [12]), 6 * 3 * (12 + 16)],
    ['LSTM', shapes({}, [6, 3], [4], [3, 16], [4, 16], [16]), 6 * 4 * (12 + 16)],
    ['RNN', shapes({}, [6, 3], [4], [3, 16], [4, 16], [16], [4, 15], [5, 15]), 6 * (4 * 28 + 3 * (20 + 25))],
    [
      'ConvLSTM2D',
      shapes({}, [6, 5, 4, 3], [3, 2, 2], [3, 3, 3, 8], [3, 3, 2, 8], [8]),
      6 * 3 * 2 * 4 * 9 * 2 * (3 + 2),
    ],
    ['Bidirectional', shapes({ layer: { className: 'GRU', config: {} } }, [6, 3], [8], [3, 12], [4, 12], [3, 12], [4, 12]), 2 * 6 * 3 * 28], // prettier-ignore
    ['TimeDistributed', shapes({ layer: { className: 'Dense', config: {} } }, [6, 3], [6, 4], [3, 4]), 6 * 12],
    ['TimeDistributed', shapes({ layer: { className: 'Flatten', config: {} } }, [6, 3, 2], [6, 6]), 0],
    ['Dot', { ...shapes({ axes: [2, 2] }, [6, 3], [6, 5]), inputs: [[null, 6, 3], [null, 5, 3]] }, 6 * 5 * 3], // prettier-ignore
    ['PruneAttention', { ...shapes({}, [5, 12], [5, 8]), inputs: [[null, 5, 12], [null, 7, 6], [null, 7, 4]] }, 5 * 7 * (12 + 8)], // prettier-ignore
    ['PruneTiedEmbedding', shapes({}, [5], [5, 8], [11, 8]), 0],
    ['PruneTiedEmbedding', shapes({}, [5, 8], [5, 11], [11, 8]), 5 * 8 * 11],
    ['PruneLoraDense', shapes({}, [5, 8], [5, 6], [8, 6], [6], [8, 2], [2, 6]), 5 * (8 * 6 + 8 * 2 + 2 * 6)],
    ['Dot', { ...shapes({ axes: -1 }, [3], [1]), inputs: [[null, 3], [null, 3]] }, 3], // prettier-ignore
  ] as const)('%s %#', (className, call, count) => {
    expect(ruleOf(className)!.macs!(call)).toBe(count);
  });

  test('every rule that counts is counted above', () => {
    const counting = RULES.filter(({ macs }) => macs).map(({ className }) => className);
    const counted = `Bidirectional Conv1D Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM2D Dense DepthwiseConv2D
      Dot GRU LSTM PruneAttention PruneLoraDense PruneTiedEmbedding RNN SeparableConv2D SimpleRNN TimeDistributed`;
    expect(counting.sort()).toEqual(counted.split(/\s+/));
  });

  test('an unknown size is NaN, never a wrong number', () => {
    const call = { ...shapes({}, [6, 5, 3], [6, 5, 8], [3, 3, 3, 8]), outputs: [[null, null, 5, 8]] };
    expect(ruleOf('Conv2D')!.macs!(call)).toBeNaN();
    expect(ruleOf('Dense')!.macs!({ ...shapes({}, [7], [5], [7, 5]), inputs: [[null, null, 7]] })).toBeNaN();
  });
});

describe('a setting that the rule does not know freezes the layer', () => {
  const free = (model: Checkpoint): readonly Group[] => groups(model).filter(({ frozen }) => frozen === undefined);
  const change = (model: Checkpoint, path: string, entries: object): Checkpoint => ({
    ...model,
    topology: mapLeaves(model.topology, (spec, at) =>
      at === path ? { ...spec, config: { ...spec.config, ...entries } } : spec,
    ),
  });
  /** A layer of the class, in a net where freezing it freezes something. */
  const places = (className: string): [Checkpoint, string][] =>
    [...models.values()].flatMap(model =>
      leaves(model.topology)
        .filter(({ spec }) => spec.className === className)
        .map(({ path }): [Checkpoint, string] => [model, path]),
    );

  const classes = RULES.map(({ className }) => className).filter(className => className !== 'InputLayer');
  /** They freeze what they are given, whatever their settings. */
  const frozenAnyway = ['CategoryEncoding', 'Masking', 'Resizing', 'RandomWidth'];

  test.each(frozenAnyway)('%s leaves nothing that could be frozen', className => {
    for (const [model, path] of places(className)) {
      const call = trace(model).calls.find(({ layer }) => layer === path)!;
      const { frozen } = trace(model);
      expect([...call.inputs, ...call.outputs].flatMap(({ width }) => [...width]).every(unit => frozen.has(unit))).toBe(
        true,
      );
    }
  });

  test.each(classes.filter(className => !frozenAnyway.includes(className)))('%s', className => {
    const results = places(className).map(([model, path]) => {
      const after = groups(change(model, path, { mystery: 1 }));
      const reason = `config of "${path}" sets mystery, which its rule does not know`;
      const known = free(model).length;
      const left = after.filter(({ frozen }) => frozen === undefined).length;
      const touched = after.filter(({ frozen, sites }) => !frozen && sites.some(({ layer }) => layer === path));
      expect(touched).toEqual([]);
      return left < known && after.some(({ frozen }) => frozen === reason);
    });
    expect(results).toContain(true);
  });

  test.each(classes)('%s: null, false, and settings of training do not', className => {
    const harmless = {
      mystery: null,
      other: false,
      kernelRegularizer: { className: 'L1L2' },
      someConstraint: { className: 'MaxNorm' },
      trainable: false,
      dtype: 'float32',
    };
    for (const [model, path] of places(className)) {
      expect(groups(change(model, path, harmless))).toEqual(groups(model));
    }
  });
});
