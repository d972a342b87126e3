/** Sizes of windows, compared with tf.js's own computeOutputShape. */
import * as layers from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import type { Config } from '../../lib/core/checkpoint';
import { ruleOf } from '../../lib/rules';
import { callOf } from './call';

type Options = Record<string, unknown>;
const { layers: make } = layers;

const side = fc.integer({ min: 1, max: 12 });
const pair = (most: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most }));

const window = fc.record({
  size: fc.tuple(side, side),
  kernelSize: pair(4),
  strides: pair(3),
  dilation: fc.boolean(),
  padding: fc.constantFrom('same', 'valid'),
  dataFormat: fc.constantFrom('channelsLast', 'channelsFirst'),
});

/** The configs tf.js itself writes for `layer`, and the shape it announces for an image of `size` with 3 channels. */
function announced(layer: layers.layers.Layer, size: readonly number[], first: boolean): [Config, number[], number[]] {
  const shape = first ? [null, 3, ...size] : [null, ...size, 3];
  const output = layer.computeOutputShape(shape) as number[];
  return [layer.getConfig(), shape as number[], output];
}

function traced(className: string, config: Config, shape: number[], weights: number[][]): unknown {
  return ruleOf(className)!.trace(callOf({ config, shapes: [shape], weights })).outputs[0].shape;
}

const fits = (shape: readonly number[]): boolean => shape.slice(1).every(size => size > 0);

test('Conv2D and SeparableConv2D', () => {
  fc.assert(
    fc.property(window, ({ size, kernelSize, strides, dilation, padding, dataFormat }) => {
      const first = dataFormat === 'channelsFirst';
      const geometry = dilation ? { dilationRate: 2, strides: 1 } : { strides };
      const options: Options = { filters: 4, kernelSize, padding, dataFormat, ...geometry };
      const [h, w] = kernelSize;
      for (const [className, layer, weights] of [
        ['Conv2D', make.conv2d(options as never), [[h, w, 3, 4], [4]]],
        ['SeparableConv2D', make.separableConv2d(options as never), [[h, w, 3, 1], [1, 1, 3, 4], [4]]],
      ] as const) {
        const [config, shape, output] = announced(layer, size, first);
        fc.pre(fits(output));
        expect(traced(className, config, shape, weights as unknown as number[][])).toEqual(output);
      }
    }),
  );
});

test('DepthwiseConv2D', () => {
  fc.assert(
    fc.property(window, ({ size, kernelSize, strides, padding, dataFormat }) => {
      const first = dataFormat === 'channelsFirst';
      const options: Options = { kernelSize, padding, dataFormat, strides, depthMultiplier: 2 };
      const [config, shape, output] = announced(make.depthwiseConv2d(options as never), size, first);
      fc.pre(fits(output));
      expect(traced('DepthwiseConv2D', config, shape, [[...kernelSize, 3, 2], [6]])).toEqual(output);
    }),
  );
});

test('pooling, with strides or without', () => {
  fc.assert(
    fc.property(window, fc.boolean(), ({ size, kernelSize, strides, padding, dataFormat }, strided) => {
      const first = dataFormat === 'channelsFirst';
      const options: Options = { poolSize: kernelSize, padding, dataFormat, ...(strided && { strides }) };
      for (const [className, layer] of [
        ['MaxPooling2D', make.maxPooling2d(options)],
        ['AveragePooling2D', make.averagePooling2d(options)],
      ] as const) {
        const [config, shape, output] = announced(layer, size, first);
        fc.pre(fits(output));
        expect(traced(className, config, shape, [])).toEqual(output);
      }
    }),
  );
});

test('padding, upsampling and global pooling', () => {
  const paddings = fc.oneof(fc.nat({ max: 3 }), pair(3), fc.tuple(pair(3), pair(3)));
  fc.assert(
    fc.property(window, paddings, ({ size, strides, dataFormat }, padding) => {
      const first = dataFormat === 'channelsFirst';
      for (const [className, layer] of [
        ['ZeroPadding2D', make.zeroPadding2d({ padding, dataFormat })],
        ['UpSampling2D', make.upSampling2d({ size: strides, dataFormat })],
        ['GlobalMaxPooling2D', make.globalMaxPooling2d({ dataFormat })],
        ['GlobalAveragePooling2D', make.globalAveragePooling2d({ dataFormat })],
      ] as const) {
        const [config, shape, output] = announced(layer, size, first);
        expect(traced(className, config, shape, [])).toEqual(output);
      }
    }),
  );
});

test('sizes that are not known stay unknown', () => {
  const conv = make.conv2d({ filters: 4, kernelSize: 3 }).getConfig() as Config;
  expect(traced('Conv2D', conv, [null, null, 7, 3] as never, [[3, 3, 3, 4], [4]])).toEqual([null, null, 5, 4]);
  const pool = make.maxPooling2d({ poolSize: 2 }).getConfig() as Config;
  expect(traced('MaxPooling2D', pool, [null, 8, null, 3] as never, [])).toEqual([null, 4, null, 3]);
});

test('elementwise merges broadcast as tf.js does', () => {
  const size = fc.constantFrom(1, 3);
  const shapes = fc.tuple(
    fc.array(size, { minLength: 1, maxLength: 3 }),
    fc.array(size, { minLength: 1, maxLength: 3 }),
  );
  fc.assert(
    fc.property(shapes, ([a, b]) => {
      const x = [a, b].map(shape => layers.input({ shape }));
      const output = (make.add().apply(x) as layers.SymbolicTensor).shape;
      const call = callOf({
        config: {},
        shapes: [
          [null as never, ...a],
          [null as never, ...b],
        ],
        weights: [],
      });
      expect(ruleOf('Add')!.trace(call).outputs[0].shape).toEqual(output);
    }),
  );
});
