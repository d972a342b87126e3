/** The norms against loops over plain numbers, and against numbers that are missing. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { layerNorm, rmsNorm } from 'tfjs-prune';
import { random } from '../../lib/core/random';
import { installTrainingKernels } from '../../lib/kernels';
import { onWasm, withoutLeak } from '../runtime/help';

onWasm();
beforeAll(() => installTrainingKernels());

const { normal } = random(4, 'norms');
const [ROWS, WIDTH, EPSILON] = [4, 6, 1e-3];
const rows = Array.from({ length: ROWS }, () => Array.from({ length: WIDTH }, () => 2 + normal()));
const gamma = Array.from({ length: WIDTH }, normal);
const beta = Array.from({ length: WIDTH }, normal);

const norms = {
  rmsNorm: {
    make: rmsNorm,
    parameters: [gamma],
    of: (row: readonly number[], width: number) => {
      const meanSquare = row.reduce((sum, x) => sum + x * x, 0) / width;
      return row.map((x, i) => (x / Math.sqrt(meanSquare + EPSILON)) * gamma[i]);
    },
  },
  layerNorm: {
    make: layerNorm,
    parameters: [gamma, beta],
    of: (row: readonly number[], width: number) => {
      const mean = row.reduce((sum, x) => sum + x, 0) / width;
      const variance = row.reduce((sum, x) => sum + x * x, 0) / width - mean ** 2;
      return row.map((x, i) => ((x - mean) / Math.sqrt(variance + EPSILON)) * gamma[i] + beta[i]);
    },
  },
};

interface Options {
  readonly epsilon?: number;
  readonly width?: number;
}

function netOf(name: keyof typeof norms, options: Options, kept: readonly number[]): layers.LayersModel {
  const { make, parameters } = norms[name];
  const input = layers.input({ shape: [kept.length] });
  const norm = make({ epsilon: EPSILON, ...options });
  const net = layers.model({ inputs: input, outputs: norm.apply(input) as layers.SymbolicTensor });
  tf.tidy(() => net.setWeights(parameters.map(values => tf.tensor1d(kept.map(i => values[i])))));
  return net;
}

function outputOf(
  name: keyof typeof norms,
  values: readonly (readonly number[])[],
  options: Options = {},
  kept = [...Array(WIDTH).keys()],
): number[] {
  // prettier-ignore
  const net = netOf(name, options, kept);
  const input = values.map(row => kept.map(i => row[i]));
  const output = tf.tidy(() => Array.from((net.predict(tf.tensor2d(input)) as tf.Tensor).dataSync()));
  net.dispose();
  return output;
}

describe.each(Object.keys(norms) as (keyof typeof norms)[])('%s', name => {
  const { of } = norms[name];

  test('is what loops over numbers give', () => {
    const wanted = rows.flatMap(row => of(row, WIDTH));
    outputOf(name, rows).forEach((x, i) => expect(x).toBeCloseTo(wanted[i], 5));
  });

  test('takes what is missing for zero', () => {
    const kept = [0, 2, 5];
    const zeroed = rows.map(row => row.map((x, i) => (kept.includes(i) ? x : 0)));
    const wanted = zeroed.flatMap(row => kept.map(i => of(row, WIDTH)[i]));
    const full = outputOf(name, zeroed).filter((_, i) => kept.includes(i % WIDTH));
    const left = outputOf(name, rows, { width: WIDTH }, kept);
    left.forEach((x, i) => {
      expect(x).toBeCloseTo(wanted[i], 5);
      expect(x).toBeCloseTo(full[i], 5);
    });
    const forgotten = outputOf(name, rows, {}, kept);
    expect(Math.max(...left.map((x, i) => Math.abs(x - forgotten[i])))).toBeGreaterThan(0.05);
  });

  test('keeps its digits far from zero', () => {
    const far = rows.map(row => row.map(x => Math.fround(1000 + x)));
    const wanted = far.flatMap(row => of(row, WIDTH));
    const got = outputOf(name, far);
    // A difference of sums of squares would be wrong in the second digit here: 1e6 has 0.06 between its neighbours.
    got.forEach((x, i) => expect(Math.abs(x - wanted[i])).toBeLessThan(2e-3));
  });

  test.each([WIDTH, WIDTH + 3])('has the gradients that differences give, of %d', width => {
    const net = netOf(name, { width }, [...Array(WIDTH).keys()]);
    const outcome = (input: tf.Tensor): tf.Scalar => {
      const output = net.apply(input) as tf.Tensor;
      return tf.sum(tf.mul(output, tf.sin(tf.reshape(tf.range(0, output.size), output.shape))));
    };
    const gradient = tf.tidy(() => tf.grad(outcome)(tf.tensor2d(rows)).dataSync().slice());
    const at = (row: number, column: number, by: number): number =>
      tf.tidy(() => outcome(tf.tensor2d(rows.map((r, i) => r.map((x, j) => (i === row && j === column ? x + by : x))))).dataSync()[0]); // prettier-ignore
    for (let row = 0; row < ROWS; row++) {
      const slope = (at(row, row, 1e-2) - at(row, row, -1e-2)) / 2e-2;
      expect(gradient[row * WIDTH + row]).toBeCloseTo(slope, 2);
    }
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.1);
    net.dispose();
  });

  test('keeps its first width in its config, and leaves nothing behind', async () => {
    await withoutLeak(() => {
      const net = netOf(name, {}, [0, 1, 2]);
      expect(net.layers[1].getConfig()).toMatchObject({ width: 3, epsilon: EPSILON });
      net.dispose();
    });
    expect(() => netOf(name, { width: 2 }, [0, 1, 2])).toThrow(/width to be a number >= 3, got 2/);
  });
});
