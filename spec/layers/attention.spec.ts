/** Attention against loops over plain numbers, its gradients against differences, and its memory against the whole text. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { attention, startDecoding, type AttentionOptions } from 'tfjs-prune';
import { sizeOf, type NdArray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { installTrainingKernels } from '../../lib/kernels';
import { causalBias } from '../../lib/layers/attend';
import { normals, onWasm, withoutLeak } from '../runtime/help';
import { ownTransformer } from '../zoo/ownTransformer';
import { refusal } from '../zoo/refusal';
import { randomize } from '../zoo/weights';

onWasm();
beforeAll(() => installTrainingKernels());

interface Case {
  readonly options: AttentionOptions;
  readonly size: number;
  readonly valueSize: number;
  readonly queryTime?: number;
  readonly padding?: readonly (readonly number[])[];
}

const [BATCH, TIME] = [2, 5];

function inputsOf({ options: { heads, kvHeads = heads }, size, valueSize, queryTime = TIME }: Case): NdArray[] {
  const { normal } = random(3, 'attention');
  const widths = [heads * size, kvHeads * size, kvHeads * valueSize];
  return widths.map((width, i) => normals([BATCH, i === 0 ? queryTime : TIME, width], normal));
}

/** The layer on tensors, without a model. */
function run(options: AttentionOptions, inputs: readonly tf.Tensor[]): tf.Tensor {
  return attention(options).apply([...inputs]) as tf.Tensor;
}

function computed(given: Case): number[] {
  return tf.tidy(() => {
    const tensors = inputsOf(given).map(({ data, shape }) => tf.tensor(data, [...shape]));
    if (given.padding) tensors.push(tf.tensor2d(given.padding as number[][], undefined, 'int32'));
    return Array.from(run(given.options, tensors).dataSync());
  });
}

type Complex = readonly [number, number];

/** Pairs of a head as complex numbers, turned by multiplication with e^(i angle). */
function turned(head: readonly number[], place: number, { rotary }: AttentionOptions): readonly number[] {
  if (!rotary) return head;
  const half = head.length / 2;
  const at = (pair: number): readonly [number, number] =>
    rotary.layout === 'interleaved' ? [2 * pair, 2 * pair + 1] : [pair, pair + half];
  const result = [...head];
  for (let pair = 0; pair < half; pair++) {
    const [re, im] = at(pair);
    const angle = place / (rotary.base ?? 10000) ** (pair / half);
    const [[a, b], [c, s]]: [Complex, Complex] = [
      [head[re], head[im]],
      [Math.cos(angle), Math.sin(angle)],
    ];
    [result[re], result[im]] = [a * c - b * s, a * s + b * c];
  }
  return result;
}

/** One number after the other, in double precision. */
function expected(given: Case): number[] {
  const { options, size, valueSize, padding, queryTime = TIME } = given;
  const { heads, kvHeads = heads, causal, scale = 1 / Math.sqrt(size) } = options;
  const [queries, keys, values] = inputsOf(given);
  const row = ({ data, shape }: NdArray, batch: number, place: number, head: number, length: number): number[] => {
    const from = (batch * shape[1] + place) * shape[2] + head * length;
    return Array.from(data.subarray(from, from + length));
  };
  const result: number[] = [];
  for (let batch = 0; batch < BATCH; batch++) {
    for (let place = 0; place < queryTime; place++) {
      for (let head = 0; head < heads; head++) {
        const group = Math.floor(head / (heads / kvHeads));
        const query = turned(row(queries, batch, place, head, size), place, options);
        const heard = [...Array(TIME).keys()].filter(t => !(causal && t > place) && padding?.[batch][t] !== 0);
        const scores = heard.map(t => {
          const key = turned(row(keys, batch, t, group, size), t, options);
          return scale * key.reduce((sum, x, d) => sum + x * query[d], 0);
        });
        const shares = scores.map(score => Math.exp(score));
        const total = shares.reduce((sum, share) => sum + share, 0);
        for (let d = 0; d < valueSize; d++) {
          const said = heard.map((t, i) => (shares[i] / total) * row(values, batch, t, group, valueSize)[d]);
          result.push(said.reduce((sum, x) => sum + x, 0));
        }
      }
    }
  }
  return result;
}

const cases: Record<string, Case> = {
  plain: { options: { heads: 3 }, size: 4, valueSize: 4 },
  'values of another size': { options: { heads: 3 }, size: 2, valueSize: 5 },
  'scale of its own': { options: { heads: 2, scale: 0.9 }, size: 4, valueSize: 4 },
  causal: { options: { heads: 3, causal: true }, size: 4, valueSize: 4 },
  'grouped queries': { options: { heads: 6, kvHeads: 2, causal: true }, size: 4, valueSize: 3 },
  'one key and value head': { options: { heads: 4, kvHeads: 1 }, size: 4, valueSize: 4 },
  'rotary, half': {
    options: { heads: 4, kvHeads: 2, rotary: { layout: 'half', base: 50 }, causal: true },
    size: 6,
    valueSize: 4,
  },
  'rotary, interleaved': {
    options: { heads: 4, kvHeads: 2, rotary: { layout: 'interleaved', base: 50 } },
    size: 6,
    valueSize: 4,
  },
  padding: {
    options: { heads: 2, causal: true },
    size: 4,
    valueSize: 4,
    padding: [
      [1, 1, 1, 1, 1],
      [1, 1, 1, 0, 0],
    ],
  },
  'other places': { options: { heads: 2 }, size: 4, valueSize: 4, queryTime: 3 },
};

describe.each(Object.keys(cases))('%s', name => {
  test('is what loops over numbers give', () => {
    const [got, wanted] = [computed(cases[name]), expected(cases[name])];
    expect(got.length).toBe(wanted.length);
    expect(Math.max(...got.map((x, i) => Math.abs(x - wanted[i])))).toBeLessThan(2e-6);
    expect(new Set(got.map(x => x.toFixed(4))).size).toBeGreaterThan(got.length / 3);
  });

  test('has the gradients that differences give', () => {
    const { options, padding } = cases[name];
    const inputs = inputsOf(cases[name]);
    const mask = padding ? [padding] : [];
    const outcome = (arrays: readonly NdArray[]): number =>
      tf.tidy(() => lossOf(options, [...arrays.map(toTensor), ...mask.map(rows => tf.tensor2d(rows as number[][]))]));
    const gradients = tf.tidy(() => {
      const grads = tf.grads((...given: tf.Tensor[]) => weighted(run(options, [...given, ...mask.map(rows => tf.tensor2d(rows as number[][]))]))); // prettier-ignore
      return grads(inputs.map(toTensor)).map(gradient => gradient.dataSync().slice());
    });
    inputs.forEach((input, i) => {
      for (const at of [0, 3, sizeOf(input.shape) - 2]) {
        const step = 1e-2;
        const moved = (by: number): readonly NdArray[] =>
          inputs.map((array, j) => (j === i ? { ...array, data: array.data.map((x, k) => (k === at ? x + by : x)) } : array)); // prettier-ignore
        const slope = (outcome(moved(step)) - outcome(moved(-step))) / (2 * step);
        expect(gradients[i][at]).toBeCloseTo(slope, 2.5);
      }
    });
    expect(Math.max(...gradients.map(gradient => Math.max(...gradient.map(Math.abs))))).toBeGreaterThan(0.05);
  });
});

function toTensor({ data, shape }: NdArray): tf.Tensor {
  return tf.tensor(data, [...shape]);
}

/** Each number counts differently. */
function weighted(x: tf.Tensor): tf.Scalar {
  const factors = Float32Array.from({ length: x.size }, (_, i) => Math.sin(i + 1));
  return tf.sum(tf.mul(x, tf.tensor(factors, x.shape)));
}

function lossOf(options: AttentionOptions, inputs: readonly tf.Tensor[]): number {
  return weighted(run(options, inputs)).dataSync()[0];
}

describe('a text piece by piece', () => {
  const tokens = [3, 1, 4, 1, 5, 9, 2, 6];
  const predict = (net: layers.LayersModel, from: number, to: number): number[] =>
    tf.tidy(() => {
      const batch = [tokens.slice(from, to), tokens.map(token => (token * 3) % 11).slice(from, to)];
      return Array.from((net.predict(tf.tensor2d(batch, undefined, 'int32')) as tf.Tensor).dataSync());
    });
  const recipes = [
    { rotary: 'half' },
    { rotary: 'interleaved', kvHeads: 1 },
    { rotary: undefined, norm: 'layer', place: 'post' },
  ] as const;

  test.each(recipes)('gives what the whole text gives: %j', async recipe => {
    const net = randomize(ownTransformer({ time: null, ...recipe }));
    const whole = predict(net, 0, tokens.length);
    const at = (place: number, batch: number) => whole.slice((batch * tokens.length + place) * 11, (batch * tokens.length + place + 1) * 11); // prettier-ignore
    await withoutLeak(() => {
      const decoding = startDecoding(net);
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, 5],
        [5, 8],
      ]) {
        // prettier-ignore
        const got = predict(net, from, to);
        const wanted = [0, 1].flatMap(batch => tokens.slice(from, to).flatMap((_, i) => at(from + i, batch)));
        got.forEach((x, i) => expect(x).toBeCloseTo(wanted[i], 4));
        expect(decoding.length).toBe(to);
      }
      decoding.dispose();
      // Without memory the same piece is the beginning of a text.
      expect(predict(net, 3, 4)).not.toEqual([0, 1].flatMap(batch => at(3, batch)));
    });
    net.dispose();
  });

  test('a second decoding starts over, and saving knows nothing of it', () => {
    const net = randomize(ownTransformer({ time: null }));
    const first = predict(net, 0, 2);
    const config = JSON.stringify(net.getConfig());
    for (let round = 0; round < 2; round++) {
      const decoding = startDecoding(net);
      predict(net, 0, 2).forEach((x, i) => expect(x).toBeCloseTo(first[i], 5));
      expect(JSON.stringify(net.getConfig())).toBe(config);
      decoding.dispose();
    }
    net.dispose();
  });

  test('is refused where it could not be right', () => {
    const causal = ownTransformer({ time: null });
    const decoding = startDecoding(causal);
    expect(refusal(() => startDecoding(causal))).toMatchObject({ code: 'bad-option' });
    decoding.dispose();
    expect(() => startDecoding(ownTransformer({ causal: false }))).toThrow(/"block0_attention", which is not causal/);
    for (const rotary of ['half', undefined] as const) {
      const net = ownTransformer({ time: null, rotary });
      const padded = startDecoding(net, { padding: [0, 1] });
      const rows = tf.zeros([3, 2], 'int32');
      expect(refusal(() => net.predict(rows)).message).toMatch(
        /batches of 2 texts, for which it was given padding, got 3/,
      );
      rows.dispose();
      padded.dispose();
      expect(refusal(() => startDecoding(net, { padding: [-1] })).message).toMatch(
        /padding to be an integer >= 0, got -1/,
      );
      net.dispose();
    }
    const stock = layers.sequential({ layers: [layers.layers.dense({ units: 1, inputShape: [2] })] });
    expect(() => startDecoding(stock)).toThrow(/no attention layer/);
  });
});

test('no place hears what is silenced, however large the scores', () => {
  tf.tidy(() => {
    const big = tf.fill([1, 3, 2], 1e4);
    const values = tf.tensor3d([[[1, 2], [3, 4], [1e6, 1e6]]]); // prettier-ignore
    const said = run({ heads: 1, causal: true }, [big, big, values]).dataSync();
    expect(Array.from(said.slice(0, 4))).toEqual([1, 2, 2, 3]);
  });
  expect(causalBias(1, 7)).toBeUndefined();
});

describe('what does not fit is refused', () => {
  const input = (width: number) => layers.input({ shape: [4, width] });
  const build = (options: AttentionOptions, ...widths: number[]) => attention(options).apply(widths.map(input));
  test.each([
    [/heads to be a multiple of kvHeads \(3\), got 4/, { heads: 4, kvHeads: 3 }, [8, 6, 6]],
    [/queries of a multiple of 4 \(heads\), got 6/, { heads: 4 }, [6, 6, 6]],
    [/keys of 2 heads of size 4, got 6/, { heads: 4, kvHeads: 2 }, [16, 6, 8]],
    [/values of a multiple of 2 \(kvHeads\), got 7/, { heads: 4, kvHeads: 2 }, [16, 8, 7]],
    [/heads of an even size, whose dimensions turn in pairs, got 3/, { heads: 2, rotary: {} }, [6, 6, 6]],
    [/2 rotary frequencies, got 1/, { heads: 2, rotary: { frequencies: [1] } }, [8, 8, 8]],
    [/units to be one of heads, dimensions, got "head"/, { heads: 2, units: 'head' as never }, [8, 8, 8]],
    [/rotary.layout to be one of half, interleaved/, { heads: 2, rotary: { layout: 'x' as never } }, [8, 8, 8]],
  ] as const)('%s', (message, options, widths) => {
    expect(() => build(options as AttentionOptions, ...widths)).toThrow(message);
  });
});
