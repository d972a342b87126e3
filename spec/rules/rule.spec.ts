import fc from 'fast-check';
import { ruleOf } from '../../lib/rules';
import { concatWidths, elements, fromStart, numbersOf, repeatEach, unitsAlong } from '../../lib/rules/rule';
import { unitOfEachElement } from '../../lib/rules/shape';
import { callOf, type CallOptions, type NotedCall } from './call';

const list = (width: ArrayLike<number>): number[] => Array.from(width);
const run = (className: string, options: CallOptions) => {
  const call = callOf(options);
  return { call, ...ruleOf(className)!.trace(call) };
};
const reasons = ({ frozen }: NotedCall): string[] => frozen.map(({ reason }) => reason);

describe('helpers', () => {
  test('repeatEach repeats every unit in place', () => {
    expect(list(repeatEach(Int32Array.of(4, 7), 3))).toEqual([4, 4, 4, 7, 7, 7]);
    expect(list(repeatEach(Int32Array.of(4, 7), 1))).toEqual([4, 7]);
  });

  test('concatWidths joins in order', () => {
    expect(list(concatWidths([Int32Array.of(1, 2), Int32Array.of(), Int32Array.of(3)]))).toEqual([1, 2, 3]);
  });

  test('fromStart counts negative axes from the end', () => {
    expect([fromStart(-1, 4), fromStart(2, 4), fromStart(-4, 4), fromStart(0, 4)]).toEqual([3, 2, 0, 0]);
  });

  test('numbersOf spreads one number and falls back', () => {
    expect(numbersOf({ size: 3 }, 'size', 2, 1)).toEqual([3, 3]);
    expect(numbersOf({ size: [3, 4] }, 'size', 2, 1)).toEqual([3, 4]);
    expect(numbersOf({}, 'size', 2, 1)).toEqual([1, 1]);
    expect(numbersOf({ size: null }, 'size', 2, 1)).toEqual([1, 1]);
  });

  test('elements leaves out the batch and does not guess', () => {
    expect(elements([null, 3, 4])).toBe(12);
    expect(elements([7])).toBe(1);
    expect(elements([1, null, 4])).toBeNaN();
  });

  test('unitsAlong freezes units that lie on another axis, and those it makes instead', () => {
    const same = callOf({ shapes: [[2, 3, 4]] });
    expect(list(unitsAlong(same, 2))).toEqual([0, 1, 2, 3]);
    expect(same.frozen).toEqual([]);
    const other = callOf({ shapes: [[2, 3, 4]] });
    expect(list(unitsAlong(other, 1))).toEqual([4, 5, 6]);
    expect(other.frozen.map(({ width }) => list(width))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6],
    ]);
    expect(reasons(other)).toEqual([
      '"layer" works along axis 1, the units lie on axis 2',
      'axis 1 of the input of "layer" is not made of units',
    ]);
  });
});

describe('Flatten', () => {
  test('gives every element the unit of its channel, in memory order', () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(shapes, fc.nat(), (sizes, pick) => {
        const axis = 1 + (pick % sizes.length);
        const width = Int32Array.from({ length: sizes[axis - 1] }, (_, i) => 100 + i);
        const units = unitOfEachElement({ shape: [null, ...sizes], axis, width });
        const indices = sizes.reduce<number[][]>(
          (all, size) => all.flatMap(index => Array.from({ length: size }, (_, i) => [...index, i])),
          [[]],
        );
        expect(list(units)).toEqual(indices.map(index => 100 + index[axis - 1]));
      }),
    );
  });

  test('channelsFirst: tf.js moves the channels to the end first', () => {
    const { outputs } = run('Flatten', { config: { dataFormat: 'channelsFirst' }, shapes: [[1, 2, 1, 3]], axes: [1] });
    expect(list(outputs[0].width)).toEqual([0, 1, 0, 1, 0, 1]);
    expect(outputs[0].shape).toEqual([1, 6]);
    const last = run('Flatten', { config: { dataFormat: 'channelsLast' }, shapes: [[1, 2, 1, 3]], axes: [1] });
    expect(list(last.outputs[0].width)).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test('of a vector it is the identity', () => {
    const { outputs } = run('Flatten', { config: { dataFormat: 'channelsFirst' }, shapes: [[1, 4]] });
    expect(list(outputs[0].width)).toEqual([0, 1, 2, 3]);
  });
});

describe('Softmax and softmax activations', () => {
  test('freeze the units of their axis only', () => {
    const shapes = [[1, 3, 4]];
    expect(reasons(run('Softmax', { config: { axis: -1 }, shapes }).call)).toEqual([
      'softmax of "layer" mixes across the units',
    ]);
    expect(run('Softmax', { config: { axis: 1 }, shapes }).call.frozen).toEqual([]);
    expect(run('Softmax', { config: { axis: 1 }, shapes, axes: [1] }).call.frozen).toHaveLength(1);
  });

  test.each(['softmax', 'logSoftmax'])('an Activation %s freezes, also where the units lie last of many axes', name => {
    expect(run('Activation', { config: { activation: name }, shapes: [[1, 3, 4]] }).call.frozen).toHaveLength(1);
    expect(run('Activation', { config: { activation: name }, shapes: [[1, 3, 4]], axes: [1] }).call.frozen).toEqual([]);
  });

  test.each(['relu', 'linear', 'tanh', 'sigmoid', 'gelu', 'hardSigmoid', 'mish', 'softplus', 'elu'])(
    '%s does not',
    name => {
      expect(run('Activation', { config: { activation: name }, shapes: [[1, 4]] }).call.frozen).toEqual([]);
    },
  );

  test.each(['Dense', 'Conv2D', 'DepthwiseConv2D', 'SeparableConv2D'])('%s freezes its own softmax', className => {
    const weights = {
      Dense: [[4, 2]],
      Conv2D: [[1, 1, 4, 2]],
      DepthwiseConv2D: [[1, 1, 4, 2]],
      SeparableConv2D: [
        [1, 1, 4, 1],
        [1, 1, 4, 2],
      ],
    }[className]!;
    const config = { activation: 'softmax', useBias: false };
    const { call, outputs } = run(className, { config, weights, shapes: [[1, 3, 3, 4]] });
    expect(call.frozen.map(({ width }) => list(width))).toEqual([list(outputs[0].width)]);
  });
});

describe('BatchNormalization', () => {
  const weights = [[4], [4], [4], [4]];

  test('has one site per parameter that it keeps', () => {
    const names = (config: object, count: number): string[] =>
      run('BatchNormalization', {
        config: { axis: -1, ...config },
        shapes: [[1, 2, 2, 4]],
        weights: weights.slice(0, count),
      }).sites!.map(({ weight, parameter, role }) => `${weight} ${parameter} ${role}`);
    expect(names({}, 4)).toEqual(['0 gamma scales', '1 beta scales', '2 mean scales', '3 variance scales']);
    expect(names({ scale: false }, 3)).toEqual(['0 beta scales', '1 mean scales', '2 variance scales']);
    expect(names({ center: false }, 3)).toEqual(['0 gamma scales', '1 mean scales', '2 variance scales']);
    expect(names({ center: false, scale: false }, 2)).toEqual(['0 mean scales', '1 variance scales']);
  });

  test('on another axis it has no sites and freezes nothing', () => {
    const { sites = [], call } = run('BatchNormalization', { config: { axis: 1 }, shapes: [[1, 4, 4, 4]], weights });
    expect(sites).toEqual([]);
    expect(call.frozen).toEqual([]);
  });
});

describe('PReLU', () => {
  const sitesOf = (alpha: number[], shape: number[], axes?: number[]) =>
    run('PReLU', { shapes: [shape], axes, weights: [alpha] }).sites ?? [];

  test('its slopes belong to the units unless they are shared over them', () => {
    expect(sitesOf([2, 3, 4], [1, 2, 3, 4])).toMatchObject([{ weight: 0, axis: 2, role: 'scales' }]);
    expect(sitesOf([1, 1, 4], [1, 2, 3, 4])).toMatchObject([{ axis: 2 }]);
    expect(sitesOf([2, 3, 1], [1, 2, 3, 4])).toEqual([]);
    expect(sitesOf([2, 1, 1], [1, 2, 3, 4], [1])).toMatchObject([{ axis: 0 }]);
  });
});

describe('merges', () => {
  test.each(['Add', 'Multiply', 'Average', 'Maximum', 'Minimum'])(
    '%s unifies equal widths and nothing else',
    className => {
      const { call, outputs } = run(className, {
        shapes: [
          [1, 3],
          [1, 3],
          [1, 3],
        ],
      });
      expect(call.unified.map(widths => widths.map(list))).toEqual([
        [
          [0, 1, 2],
          [3, 4, 5],
          [6, 7, 8],
        ],
      ]);
      expect(call.frozen).toEqual([]);
      expect(list(outputs[0].width)).toEqual([0, 1, 2]);
    },
  );

  test('a single channel that is spread over many is frozen, the many are not', () => {
    const { call, outputs } = run('Add', {
      shapes: [
        [1, 2, 2, 1],
        [1, 2, 2, 3],
      ],
    });
    expect(call.frozen.map(({ width }) => list(width))).toEqual([[0]]);
    expect(list(outputs[0].width)).toEqual([1, 2, 3]);
    expect(outputs[0].shape).toEqual([1, 2, 2, 3]);
  });

  test('two single channels are one unit and stay free', () => {
    const { call } = run('Add', {
      shapes: [
        [1, 2, 2, 1],
        [1, 2, 2, 1],
      ],
    });
    expect(call.frozen).toEqual([]);
    expect(call.unified[0].map(list)).toEqual([[0], [1]]);
  });

  test('a vector meets an image on the channels', () => {
    const { call, outputs } = run('Multiply', {
      shapes: [
        [1, 3],
        [1, 2, 2, 3],
      ],
    });
    expect(call.frozen).toEqual([]);
    expect(call.unified[0].map(list)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(outputs[0]).toMatchObject({ shape: [1, 2, 2, 3], axis: 3 });
  });

  test.each(['Add', 'Concatenate'])('%s of units on different axes freezes all of them', className => {
    const { call, outputs } = run(className, {
      config: { axis: 1 },
      shapes: [
        [1, 3, 3],
        [1, 3, 3],
      ],
      axes: [1, 2],
    });
    const frozen = new Set(call.frozen.flatMap(({ width }) => list(width)));
    expect([0, 1, 2, 3, 4, 5, ...outputs[0].width].every(unit => frozen.has(unit))).toBe(true);
    expect(new Set(outputs[0].width).size).toBe(outputs[0].shape[outputs[0].axis]);
  });

  test('Concatenate joins on the units and unifies on any other axis', () => {
    const joined = run('Concatenate', {
      config: { axis: -1 },
      shapes: [
        [1, 2, 2],
        [1, 2, 3],
      ],
    });
    expect(list(joined.outputs[0].width)).toEqual([0, 1, 2, 3, 4]);
    expect(joined.outputs[0].shape).toEqual([1, 2, 5]);
    expect(joined.call.unified).toEqual([]);
    const rows = run('Concatenate', {
      config: { axis: 1 },
      shapes: [
        [1, 2, 3],
        [1, 4, 3],
      ],
    });
    expect(rows.call.unified).toHaveLength(1);
    expect(rows.outputs[0].shape).toEqual([1, 6, 3]);
  });
});

describe('convolutions', () => {
  test('the output of a depthwise convolution repeats each unit by the multiplier', () => {
    const { outputs, sites } = run('DepthwiseConv2D', { shapes: [[1, 4, 4, 2]], weights: [[3, 3, 2, 3], [6]] });
    expect(list(outputs[0].width)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(sites!.map(({ weight, axis, role, width }) => [weight, axis, role, list(width)])).toEqual([
      [0, 2, 'scales', [0, 1]],
      [1, 0, 'scales', [0, 0, 0, 1, 1, 1]],
    ]);
  });

  test('a separable convolution reads through its pointwise kernel', () => {
    const weights = [[3, 3, 2, 2], [1, 1, 4, 3], [3]];
    const { sites } = run('SeparableConv2D', { shapes: [[1, 4, 4, 2]], weights });
    expect(sites!.map(({ weight, axis, role, width }) => [weight, axis, role, list(width)])).toEqual([
      [0, 2, 'scales', [0, 1]],
      [1, 2, 'reads', [0, 0, 1, 1]],
      [1, 3, 'makes', [2, 3, 4]],
      [2, 0, 'makes', [2, 3, 4]],
    ]);
  });

  test('without a bias there is no site for one', () => {
    const config = { useBias: false };
    expect(run('Dense', { config, shapes: [[1, 2]], weights: [[2, 3]] }).sites).toHaveLength(2);
    expect(run('Conv2D', { config, shapes: [[1, 4, 4, 2]], weights: [[3, 3, 2, 3]] }).sites).toHaveLength(2);
  });

  test('resize writes what follows from the weights', () => {
    const resized = (className: string, ...weights: number[][]) =>
      ruleOf(className)!.resize!({ config: {}, weights, inputs: [], outputs: [] });
    expect(resized('Dense', [4, 3], [3])).toEqual({ units: 3 });
    expect(resized('Conv2D', [3, 3, 4, 5], [5])).toEqual({ filters: 5 });
    expect(resized('SeparableConv2D', [3, 3, 4, 2], [1, 1, 8, 5])).toMatchObject({ filters: 5 });
  });
});
