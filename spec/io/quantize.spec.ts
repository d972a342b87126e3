/** Weights in fewer bits, as plain tf.js reads them. */
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type * as layers from '@tensorflow/tfjs-layers';
import { toFloat16 } from '../../lib/io/float16';
import type { WeightSpec } from '../../lib/io/manifest';
import { quantizeWeights, type Precision } from '../../lib/io/quantize';
import { random } from '../../lib/core/random';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { CPU_KERNELS } from '../backend';
import { NETS } from '../zoo/nets';
import { refusal, rejection } from '../zoo/refusal';
import { probesOf } from '../zoo/weights';
import { contents, newFolder, plainLoad, removeFolders, shardPaths } from './folder';
import { outputsOf, perceptron } from './models';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
});
afterEach(removeFolders);

const STEPS = { uint8: 255, uint16: 65535 };

/** What tf.js makes of `values` after they were stored in `precision`. */
function roundTrip(values: Float32Array, precision: Precision): Float32Array {
  const spec: WeightSpec = { name: 'w', shape: [values.length], dtype: 'float32' };
  const stored = quantizeWeights('spec', { weightSpecs: [spec], weightData: [values.slice().buffer] }, precision);
  const { w } = tf.io.decodeWeights([...stored.weightData], stored.weightSpecs as tf.io.WeightsManifestEntry[]);
  const read = w.dataSync() as Float32Array;
  w.dispose();
  return read;
}

/** The float32 of which these are the bits. */
const float = (bits: number): number => new Float32Array(new Uint32Array([bits]).buffer)[0];

/** The value of a float16, by its definition. */
function valueOf(half: number): number {
  const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

describe('float16', () => {
  test('every float16 is stored as itself', () => {
    for (let half = 0; half < 0x10000; half++) {
      if (Number.isNaN(valueOf(half))) continue;
      if (toFloat16(valueOf(half)) !== half) throw new Error(`${half.toString(16)} became ${toFloat16(valueOf(half))}`);
    }
  });

  test('what lies between two goes to the nearer, and half-way to the even one', () => {
    for (let half = 0; half < 0x7bff; half++) {
      const [below, above] = [valueOf(half), valueOf(half + 1)];
      const middle = (below + above) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      const bits = new Uint32Array(new Float32Array([middle]).buffer)[0];
      const got = [float(bits - 1), middle, float(bits + 1), -middle].map(toFloat16);
      const expected = [half, even, half + 1, even | 0x8000];
      if (got.join() !== expected.join()) throw new Error(`between ${below} and ${above}: ${got.join()}`);
    }
  });

  test.each([
    [2 ** -25, 0],
    [float(0x33000001), 1],
    [1e-45, 0],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [3.4e38, 0x7c00],
    [-Infinity, 0xfc00],
    [-0, 0x8000],
  ])('%p is %p', (value, half) => expect(toFloat16(value)).toBe(half));

  test('not a number stays none', () => expect(valueOf(toFloat16(NaN))).toBeNaN());

  test('tf.js reads what was stored, the subnormal ones too', () => {
    const halves = [1, 2, 3, 1023, 1024, 0x3c00, 0x7bff, 0x8001, 0xfbff];
    const values = Float32Array.from(halves, valueOf);
    expect(Array.from(roundTrip(values, 'float16'))).toEqual(Array.from(values));
  });

  test('refuses what would become infinite', () => {
    const error = refusal(() => roundTrip(Float32Array.of(1, -65520), 'float16'));
    expect(error.code).toBe('bad-weights');
    expect(error.message).toBe(
      'spec, weight "w": expected weights within 65504, the largest of float16, got -65520. Use uint16 instead.',
    );
    expect(Array.from(roundTrip(Float32Array.of(65519), 'float16'))).toEqual([65504]);
  });
});

describe.each(['uint8', 'uint16'] as const)('%s', precision => {
  const cases: [string, number[]][] = [
    ['both signs', [-1, 0.3, 0, 2]],
    ['a little below zero', [-1e-3, 0, 10]],
    ['hardly anything above zero', [-10, 0, 1e-9]],
    ['positive ones', [3, 3.5, 4.25]],
    ['negative ones', [-7, -6.9, -5]],
    ['from zero', [0, 0.1, 1]],
    ['up to zero', [-1, -0.1, 0]],
    ['all alike', [0.1, 0.1]],
    ['all zero', [0, 0]],
    ['one', [-5]],
    ['none', []],
    ['the smallest', [-1.4e-45, 0, 2.8e-45]],
    ['large ones', [-3e38, 0, 1e38]],
  ];
  test.each(cases)('%s: within half a step, zero exactly', (_, list) => {
    const values = Float32Array.from(list);
    const read = roundTrip(values, precision);
    const step = (Math.max(...values) - Math.min(...values)) / STEPS[precision];
    values.forEach((value, i) => {
      // float32 itself rounds by at most this.
      const rounding = Math.max(Math.abs(value), Math.abs(read[i])) * 2 ** -23;
      expect(Math.abs(read[i] - value)).toBeLessThanOrEqual(0.5 * step * (1 + 1e-9) + rounding);
      if (value === 0) expect(read[i]).toBe(0);
    });
  });

  test('random weights, many times', () => {
    const { normal, uniform } = random(3, 'quantize');
    for (let run = 0; run < 200; run++) {
      const [size, shift] = [10 ** (8 * uniform() - 4), 4 * normal()];
      const values = Float32Array.from({ length: 30 }, (__, i) => (i === 7 ? 0 : size * (normal() + shift)));
      const read = roundTrip(values, precision);
      const step = (Math.max(...values) - Math.min(...values)) / STEPS[precision];
      const error = Math.max(...values.map((value, i) => Math.abs(read[i] - value)));
      const rounding = Math.max(...values.map(Math.abs)) * 2 ** -23;
      expect(error).toBeLessThanOrEqual(0.5 * step * (1 + 1e-9) + rounding);
      expect(read[7]).toBe(0);
    }
  });

  test.each([NaN, Infinity, -Infinity])('refuses %p', value => {
    expect(refusal(() => roundTrip(Float32Array.of(0, value), precision)).message).toContain('expected finite weights');
  });

  test('refuses a range whose ends float32 cannot hold', () => {
    const most = float(0x7f7fffff);
    const read = (list: number[]) => roundTrip(Float32Array.from(list), precision);
    let refused = 0;
    for (const list of [
      [-most, most],
      [-most, 0, most],
      [-0.4 * most, most],
      [-most, 0.6921 * most],
    ]) {
      try {
        expect(read(list).every(Number.isFinite)).toBe(true);
      } catch (error) {
        expect((error as Error).message).toContain('well inside float32');
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});

test('whole numbers and truth values stay as they are, between others', () => {
  const weightSpecs: WeightSpec[] = [
    { name: 'a', shape: [3], dtype: 'float32' },
    { name: 'b', shape: [3], dtype: 'bool' },
    { name: 'c', shape: [2], dtype: 'int32' },
    { name: 'd', shape: [1], dtype: 'float32' },
  ];
  const parts = [Float32Array.of(0, 255, 51), Uint8Array.of(1, 0, 1), Int32Array.of(-5, 1e9), Float32Array.of(9)];
  // Cut in the middle of a value.
  const bytes = Buffer.concat(parts.map(part => Buffer.from(part.buffer)));
  const weightData = [bytes.subarray(0, 6), bytes.subarray(6)].map(part => new Uint8Array(part).buffer);
  const stored = quantizeWeights('spec', { weightSpecs, weightData }, 'uint8');
  expect(stored.weightSpecs.map(({ quantization }) => quantization?.dtype)).toEqual([
    'uint8',
    undefined,
    undefined,
    'uint8',
  ]);
  const read = tf.io.decodeWeights([...stored.weightData], stored.weightSpecs as tf.io.WeightsManifestEntry[]);
  expect(Object.values(read).map(tensor => [tensor.dtype, ...tensor.dataSync()])).toEqual([
    ['float32', 0, 255, 51],
    ['bool', 1, 0, 1],
    ['int32', -5, 1e9],
    ['float32', 9],
  ]);
  tf.dispose(read);
});

describe('a model saved in fewer bits', () => {
  const worst = (model: layers.LayersModel, other: layers.LayersModel, relative: number, steps = Infinity): number[] =>
    model.getWeights().map((weight, i) => {
      const [values, read] = [weight.dataSync(), other.getWeights()[i].dataSync()];
      const step = (Math.max(...values) - Math.min(...values)) / steps;
      const excess = (j: number) => Math.abs(read[j] - values[j]) - 0.501 * step - relative * Math.abs(values[j]);
      return Math.max(...values.map((_, j) => excess(j)));
    });

  test.each([
    ['float16', 2 ** -11, Infinity, 2],
    ['uint16', 2 ** -23, 65535, 2],
    ['uint8', 2 ** -23, 255, 4],
  ] as const)(
    '%s is read by plain tf.js and by us within a step, and is smaller',
    async (quantize, relative, steps, times) => {
      const model = NETS.residual();
      const [folder, full] = [newFolder(), newFolder()];
      await saveLayersModel(model, folder, { quantize });
      await saveLayersModel(model, full);
      const bytes = (path: string): number => shardPaths(path).reduce((sum, file) => sum + statSync(file).size, 0);
      expect(bytes(folder) * times).toBe(bytes(full));
      const [plain, loaded] = [await plainLoad(folder), await loadLayersModel(folder)];
      expect(Math.max(...worst(model, plain, relative, steps))).toBeLessThanOrEqual(0);
      expect(await outputsOf(loaded)).toEqual(await outputsOf(plain));
      const again = newFolder();
      await saveLayersModel(model, again, { quantize });
      expect(contents(again)).toEqual(contents(folder));
      for (const each of [model, plain, loaded]) each.dispose();
    },
  );

  test('is read in a program that knows nothing of us', async () => {
    const model = perceptron();
    const folder = newFolder();
    await saveLayersModel(model, folder, { quantize: 'uint16' });
    const [probe] = probesOf(model);
    const input = join(newFolder(), 'input.json');
    writeFileSync(input, JSON.stringify({ shape: probe.shape, data: Array.from(probe.dataSync()) }));
    const output = execFileSync(process.execPath, [join(__dirname, 'plainLoader.cjs'), folder, input], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [expected] = await outputsOf(model);
    (JSON.parse(output.toString()) as number[]).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 3));
    tf.dispose([probe]);
    model.dispose();
  });

  test('refuses another word', async () => {
    const model = perceptron();
    const error = await rejection(saveLayersModel(model, newFolder(), { quantize: 'int4' as never }));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain('float16, uint8, uint16');
    model.dispose();
  });
});
