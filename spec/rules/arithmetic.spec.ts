/** Rows times kernel against tf.js, and what the arithmetic of simple layers makes of constants. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { ndarray, sizeOf, type NdArray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { ruleOf } from '../../lib/rules';
import { constantOf, exactly, isExact, unknown, type Constant, type ConstantCall } from '../../lib/rules/arithmetic';
import { startAlong, viewOf } from '../../lib/rules/taps';
import { CPU_KERNELS } from '../backend';

beforeAll(() => tf.setBackend(CPU_KERNELS));

const { normal } = random(3, 'arithmetic');
const normals = (shape: readonly number[]): NdArray =>
  ndarray(
    Float32Array.from({ length: sizeOf(shape) }, () => normal()),
    shape,
  );

describe('rows', () => {
  /** Rows of `input` times the kernel plus the bias, and what tf.js computes: both `[examples, places, outputs]`. */
  function compare(layer: layers.layers.Layer, input: NdArray): { ours: number[]; theirs: number[] } {
    return tf.tidy(() => {
      const x = tf.tensor(input.data, [...input.shape]);
      const y = layer.apply(x) as tf.Tensor;
      const config = layer.getConfig();
      const first = config.dataFormat === 'channelsFirst';
      const theirs = Array.from((first ? tf.transpose(y, [0, 2, 3, 1]) : y).dataSync());
      const weights = layer.getWeights().map(weight => ndarray(weight.dataSync() as Float32Array, weight.shape));
      const { kernel, of } = ruleOf(layer.getClassName())!.arithmetic!.rows!;
      const { length, places, read } = of({ config, weights, input });
      const matrix = weights[kernel].data;
      const outputs = matrix.length / length;
      const bias = config.useBias === false ? new Float32Array(outputs) : weights.at(-1)!.data;
      const row = new Float64Array(length);
      const ours: number[] = [];
      for (let example = 0; example < input.shape[0]; example++) {
        for (let place = 0; place < places; place++) {
          row.fill(NaN); // whatever is not read shows
          read(example, place, row);
          for (let o = 0; o < outputs; o++) {
            ours.push(row.reduce((sum, value, i) => sum + value * matrix[i * outputs + o], bias[o]));
          }
        }
      }
      layer.dispose();
      return { ours, theirs };
    });
  }

  function requireSame({ ours, theirs }: ReturnType<typeof compare>): void {
    expect(ours.length).toBe(theirs.length);
    const farthest = ours.reduce((worst, y, i) => Math.max(worst, Math.abs(y - theirs[i])), 0);
    expect(farthest).toBeLessThan(1e-4);
  }

  const shapes = fc.record({
    height: fc.integer({ min: 1, max: 6 }),
    width: fc.integer({ min: 1, max: 6 }),
    kernelSize: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    strides: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 })),
    dilated: fc.boolean(),
    padding: fc.constantFrom('same' as const, 'valid' as const),
    dataFormat: fc.constantFrom('channelsFirst' as const, 'channelsLast' as const),
    useBias: fc.boolean(),
  });
  const initializers = { kernelInitializer: 'randomNormal', biasInitializer: 'randomNormal' } as const;

  test('of Conv2D times its kernel are what tf.js computes', () => {
    fc.assert(
      fc.property(shapes, ({ height, width, kernelSize, strides, dilated, padding, dataFormat, useBias }) => {
        const fits = padding === 'same' || (kernelSize[0] <= height && kernelSize[1] <= width && !dilated);
        fc.pre(fits);
        const steps = dilated ? { strides: 1, dilationRate: 2 } : { strides };
        const layer = layers.layers.conv2d({
          filters: 3,
          kernelSize,
          ...steps,
          padding,
          dataFormat,
          useBias,
          ...initializers,
        });
        const shape = dataFormat === 'channelsFirst' ? [2, 2, height, width] : [2, height, width, 2];
        requireSame(compare(layer, normals(shape)));
      }),
      { numRuns: 60 },
    );
  });

  test('of SeparableConv2D times its pointwise kernel are what tf.js computes', () => {
    for (const [padding, strides, depthMultiplier] of [
      ['same', 1, 2],
      ['same', 2, 1],
      ['valid', 2, 3],
    ] as const) {
      const layer = layers.layers.separableConv2d({
        filters: 3,
        kernelSize: [3, 2],
        padding,
        strides,
        depthMultiplier,
        depthwiseInitializer: 'randomNormal',
        pointwiseInitializer: 'randomNormal',
        biasInitializer: 'randomNormal',
      });
      requireSame(compare(layer, normals([2, 5, 4, 2])));
    }
  });

  test.each([[[3, 4]], [[2, 3, 4]], [[2, 3, 2, 4]]])('of Dense on %j are what tf.js computes', shape => {
    requireSame(compare(layers.layers.dense({ units: 5, ...initializers }), normals(shape)));
    requireSame(compare(layers.layers.dense({ units: 5, useBias: false, ...initializers }), normals(shape)));
  });
});

describe('views of an image', () => {
  const window = (size: number[], padding: string, strides = [1, 1], dilation = [1, 1]) => ({
    size,
    padding,
    strides,
    dilation,
  });
  const reaches = (shape: (number | null)[], ...rest: Parameters<typeof window>) =>
    viewOf(shape, 3, window(...rest)).reaches.map(({ taps, count }) => [taps.length, count]);

  test('a 3x3 window sees the inside, four edges and four corners', () => {
    expect(reaches([null, 6, 5, 2], [3, 3], 'same')).toEqual([
      [9, 12],
      [6, 4],
      [6, 4],
      [6, 3],
      [6, 3],
      [4, 1],
      [4, 1],
      [4, 1],
      [4, 1],
    ]);
    expect(viewOf([null, 6, 5, 2], 3, window([3, 3], 'same')).reaches[5].taps).toEqual([4, 5, 7, 8]);
  });

  test('where no zeros come in, or all places see the same, there is one', () => {
    expect(reaches([null, 6, 5, 2], [3, 3], 'valid')).toEqual([[9, 1]]);
    expect(reaches([null, 6, 5, 2], [1, 1], 'same')).toEqual([[1, 1]]);
    expect(reaches([null, 1, 1, 2], [3, 3], 'same')).toEqual([[1, 1]]);
    expect(reaches([null, 4, 6, 2], [2, 2], 'same', [2, 2])).toEqual([[4, 6]]);
  });

  test('unknown sizes may see any of the taps, unless nothing is padded', () => {
    expect(viewOf([null, null, 5, 2], 3, window([3, 3], 'same')).loose).toBe(true);
    expect(viewOf([null, null, 5, 2], 3, window([3, 3], 'valid')).loose).toBe(false);
    expect(viewOf([null, null, null, 2], 3, window([1, 1], 'same')).loose).toBe(false);
  });

  test('a causal window looks back only', () => {
    const causal = window([3], 'causal', [1], [2]);
    expect(startAlong(7, causal, 0)).toEqual({ first: -4, places: 7 });
    expect(viewOf([null, 7, 2], 2, causal).reaches).toEqual([
      { taps: [0, 1, 2], count: 3 },
      { taps: [1, 2], count: 2 },
      { taps: [2], count: 2 },
    ]);
  });
});

describe('constants', () => {
  interface Given {
    readonly shape?: (number | null)[];
    readonly constant: Constant;
  }
  const run = (className: string, inputs: Given[], config: object = {}, output = inputs[0].shape) => {
    const flow = ({ constant, shape = [null, constant.value.length] }: Given) => ({
      shape,
      axis: shape.length - 1,
      width: new Int32Array(constant.value.length),
      constant,
    });
    const call: ConstantCall = {
      config: config as never,
      weights: [],
      inputs: inputs.map(flow),
      output: flow({
        constant: inputs.reduce((a, b) => (b.constant.value.length > a.constant.value.length ? b : a)).constant,
        shape: output,
      }),
      dead: 0,
    };
    return constantOf(ruleOf(className)!.arithmetic, call);
  };
  const of = (...values: number[]): Given => ({ constant: exactly(Float64Array.from(values)) });
  const between = (low: number[], value: number[], high: number[]): Given => ({
    constant: { value: Float64Array.from(value), low: Float64Array.from(low), high: Float64Array.from(high) },
  });
  const list = (constant: Constant | undefined) =>
    [constant!.low, constant!.value, constant!.high].map(x => Array.from(x));

  test.each([
    ['Add', [4, NaN, -2]],
    ['Average', [2, NaN, -1]],
    ['Maximum', [3, NaN, 0]],
    ['Minimum', [1, NaN, -2]],
    ['Multiply', [3, 0, -0]],
  ])('%s', (className, wanted) => {
    const result = run(className, [of(1, NaN, -2), of(3, 0, 0)])!;
    expect(Array.from(result.value, x => x + 0)).toEqual(wanted.map(x => x + 0));
    expect(isExact(result, 0)).toBe(true);
  });

  test('one number is spread over all units', () => {
    expect(list(run('Add', [of(1, 2), of(5)]))[1]).toEqual([6, 7]);
  });

  test('bounds of a product are those of its corners, and nothing times whatever is nothing', () => {
    const wide = between([-1, -Infinity], [1, 1], [2, Infinity]);
    expect(list(run('Multiply', [wide, between([-3, 0], [2, 0], [2, 0])]))).toEqual([
      [-6, 0],
      [2, 0],
      [4, 0],
    ]);
  });

  test('Concatenate along the units puts one after the other, along another axis it keeps what agrees', () => {
    const shape = [null, 2, 2];
    const inputs = [of(1, 2), of(1, 3)].map(given => ({ ...given, shape }));
    expect(list(run('Concatenate', inputs, { axis: -1 }))[1]).toEqual([1, 2, 1, 3]);
    expect(list(run('Concatenate', inputs, { axis: 1 }))[1]).toEqual([1, NaN]);
  });

  test('Flatten gives every element what its channel holds', () => {
    expect(list(run('Flatten', [{ ...of(1, NaN), shape: [null, 2, 2] }]))[1]).toEqual([1, NaN, 1, NaN]);
  });

  test('Rescaling scales and adds; to move axes about changes nothing', () => {
    expect(list(run('Rescaling', [of(1, NaN)], { scale: -2, offset: 3 }))[1]).toEqual([1, NaN]);
    const image = { ...of(1, 2), shape: [null, 3, 2] };
    for (const className of ['Permute', 'RepeatVector']) expect(run(className, [image])).toBe(image.constant);
  });

  test('zeros around an image widen the bounds to zero', () => {
    const image = { ...of(2, -3), shape: [null, 4, 4, 2] };
    const around = (padding: number[][]) => list(run('ZeroPadding2D', [image], { padding }));
    expect(around([[1, 0], [0, 0]])).toEqual([[0, -3], [2, -3], [2, 0]]); // prettier-ignore
    expect(around([[0, 0], [0, 0]])).toEqual([[2, -3], [2, -3], [2, -3]]); // prettier-ignore
  });

  test('what does not say what it computes stops them', () => {
    expect(run('Softmax', [of(1, 2)])).toBeUndefined();
    expect(constantOf(undefined, {} as never)).toBeUndefined();
    expect(unknown(2).value.every(Number.isNaN)).toBe(true);
  });
});
