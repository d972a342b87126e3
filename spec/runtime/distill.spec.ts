/** Learning from a teacher: the loss by hand, its gradient by finite differences, and who is left alone. */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions, Teacher } from '../../lib/core/context';
import { capture } from '../../lib/runtime/capture';
import type { Splits } from '../../lib/runtime/data';
import { withGuide } from '../../lib/runtime/distill';
import { evaluate } from '../../lib/runtime/evaluate';
import { fit } from '../../lib/runtime/fit';
import { prepareLoss, type Loss, type LossTerm } from '../../lib/runtime/loss';
import { withModel } from '../../lib/runtime/materialize';
import { forward } from '../../lib/runtime/predict';
import { toTensor } from '../../lib/runtime/tensors';
import { rejection } from '../zoo/refusal';
import { bits, dense, examples, mlp, normals, onWasm, randomize, splits, withoutLeak } from './help';
import { random } from '../../lib/core/random';

onWasm();

type HeadName = 'softmax' | 'sigmoid' | 'linear';

/** Two layers without BatchNormalization, whose outputs in training are those in inference. */
function plain(seed: number, hidden = 5, head: HeadName = 'softmax'): layers.Sequential {
  const model = layers.sequential({
    name: 'net',
    layers: [
      dense({ name: 'a', units: hidden, inputShape: [4], activation: 'tanh' }),
      dense({ name: 'c', units: 3, activation: head }),
    ],
  });
  randomize(model, seed);
  return model;
}

const inputs = normals([6, 4], random(3, 'inputs').normal);
const lossOf = { softmax: 'categoricalCrossentropy', sigmoid: 'binaryCrossentropy', linear: 'meanSquaredError' } as const; // prettier-ignore
const complete = ({ weight = 1, temperature = 1, features = [], model }: Teacher) => ({ weight, temperature, features, model }); // prettier-ignore

/** The guide's loss with a task loss of 2, its gradients by path, and outputs of both as they enter it. */
async function measured(student: Checkpoint, teacher: Teacher, loss: Loss) {
  const { checkpoint, terms } = prepareLoss(student, loss);
  return withModel(checkpoint, model =>
    withGuide(complete(teacher), loss, model, terms, async guide => {
      const given = toTensor(inputs);
      const value = (): tf.Scalar => {
        const lesson = guide!.ask([given]);
        return guide!.loss(lesson, forward(model, [given], true), tf.scalar(2));
      };
      const variables = model.trainableWeights.map(weight => weight.read() as tf.Variable);
      const { value: at, grads } = tf.tidy(() => tf.variableGrads(() => tf.tidy(value), variables));
      const gradients = await Promise.all(variables.map(({ name }) => grads[name].array()));
      const result = { loss: (await at.data())[0], gradients: gradients.map(g => [g].flat(2) as number[]) };
      guide!.release();
      tf.dispose([at, given, ...Object.values(grads)]);
      return result;
    }),
  );
}

async function outputs(model: Checkpoint, loss: Loss): Promise<number[][]> {
  const { checkpoint } = prepareLoss(model, loss);
  return withModel(checkpoint, async built => {
    const [out] = tf.tidy(() => forward(built, [toTensor(inputs)]));
    const rows = (await out.array()) as number[][];
    out.dispose();
    return rows;
  });
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const softmax = (logits: readonly number[]): number[] => {
  const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
  return logits.map(logit => Math.exp(logit) / sum);
};

/** The formulas, in doubles. */
const distances: Record<HeadName, (p: number[][], q: number[][], temperature: number) => number> = {
  softmax: (wanted, given, t) =>
    t * t * mean(wanted.map((row, i) => {
      const [p, q] = [softmax(row.map(z => z / t)), softmax(given[i].map(z => z / t))];
      return p.reduce((sum, value, k) => sum + value * Math.log(value / q[k]), 0);
    })), // prettier-ignore
  sigmoid: (wanted, given, t) =>
    t * t * mean(wanted.flatMap((row, i) => row.map((z, k) => {
      const [p, q] = [z, given[i][k]].map(logit => 1 / (1 + Math.exp(-logit / t)));
      return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
    }))), // prettier-ignore
  linear: (wanted, given) => mean(wanted.flatMap((row, i) => row.map((y, k) => (y - given[i][k]) ** 2))),
};

describe.each(['softmax', 'sigmoid', 'linear'] as const)('%s', head => {
  const loss: Loss = [lossOf[head]];
  const models = async () => [await capture(plain(1, 5, head)), await capture(plain(2, 7, head))] as const;

  test.each([
    [1, 1],
    [1, 4],
    [0.3, 2.5],
  ])('the loss is that of the paper: weight %d, temperature %d', async (weight, temperature) => {
    const [student, model] = await models();
    const { loss: value } = await withoutLeak(() => measured(student, { model, weight, temperature }, loss));
    const far = distances[head](await outputs(model, loss), await outputs(student, loss), temperature);
    expect(far).toBeGreaterThan(0.01);
    expect(value).toBeCloseTo(weight * far + (1 - weight) * 2, 4);
  });

  test('its gradient agrees with finite differences', async () => {
    const [student, model] = await models();
    const teacher = { model, weight: 0.7, temperature: 3 };
    const { gradients } = await measured(student, teacher, loss);
    const h = 1e-2;
    for (const [layer, index, at] of [
      ['a', 0, 3],
      ['a', 1, 2],
      ['c', 0, 7],
      ['c', 1, 1],
    ] as const) {
      // prettier-ignore
      const moved = async (step: number): Promise<number> => {
        const weights = new Map(student.weights);
        const data = weights.get(layer)![index].data.slice();
        data[at] += step;
        weights.set(layer, weights.get(layer)!.map((array, i) => (i === index ? { ...array, data } : array))); // prettier-ignore
        return (await measured({ ...student, weights }, teacher, loss)).loss;
      };
      const expected = ((await moved(h)) - (await moved(-h))) / (2 * h);
      const gradient = gradients[(layer === 'a' ? 0 : 2) + index][at];
      expect(Math.abs(gradient - expected)).toBeLessThan(1e-3 + 0.01 * Math.abs(expected));
    }
  });

  test('a student that is its teacher has nothing to learn', async () => {
    const [model] = await models();
    const features = [{ student: 'a', weight: 5 }];
    const { loss: value, gradients } = await measured(model, { model, temperature: 2, features }, loss);
    expect(Math.abs(value)).toBeLessThan(1e-6);
    for (const value of gradients.flat()) expect(Math.abs(value)).toBeLessThan(1e-6);
    const [other] = await models();
    const data = { train: { inputs: [inputs], targets: [normals([6, 3], () => 1)] }, loss };
    const options: FitOptions = { epochs: 1, batchSize: 6, learningRate: 1, optimizer: 'momentum' };
    const after = await fit(other, data, { ...options, teacher: { model, weight: 1 } }, { seed: 1 });
    for (const [path, values] of Object.entries(bits(after))) {
      values.forEach((value, i) => expect(Math.abs(value - bits(other)[path][i])).toBeLessThan(2e-6));
    }
  });
});

test('probabilities that are not fused into the loss soften as their logits do', async () => {
  // A Reshape behind the softmax keeps it in the model.
  const behind = (seed: number) => {
    const model = plain(seed);
    model.add(layers.layers.reshape({ targetShape: [3] }));
    return capture(model);
  };
  const loss: Loss = ['categoricalCrossentropy'];
  const options = { temperature: 3, weight: 1 };
  const fused = await measured(await capture(plain(1)), { model: await capture(plain(2)), ...options }, loss);
  const kept = await measured(await behind(1), { model: await behind(2), ...options }, loss);
  expect(kept.loss).toBeCloseTo(fused.loss, 5);
});

test('features add the mean squared error of what two layers give', async () => {
  const [student, model] = [await capture(plain(1)), await capture(plain(2))];
  const loss: Loss = ['categoricalCrossentropy'];
  const features = [{ student: 'a', teacher: 'a', weight: 0.5 }];
  const bare = await measured(student, { model }, loss);
  const more = await measured(student, { model, features }, loss);
  const given = ({ weights }: Checkpoint): number[] => {
    const [kernel, bias] = weights.get('a')! as readonly [NdArray, NdArray];
    return Array.from({ length: 6 * 5 }, (_, at) => {
      const [row, unit] = [Math.floor(at / 5), at % 5];
      const sum = [0, 1, 2, 3].reduce((all, i) => all + inputs.data[row * 4 + i] * kernel.data[i * 5 + unit], 0);
      return Math.tanh(sum + bias.data[unit]);
    });
  };
  const [a, b] = [given(student), given(model)];
  expect(more.loss - bare.loss).toBeCloseTo(0.5 * mean(a.map((value, i) => (value - b[i]) ** 2)), 5);
  const [kernel, head] = [0, 2];
  expect(more.gradients[kernel]).not.toEqual(bare.gradients[kernel]);
  expect(more.gradients[head]).toEqual(bare.gradients[head]);
});

describe('fit with a teacher', () => {
  const options: FitOptions = { epochs: 12, batchSize: 16, learningRate: 0.02, restoreBest: false };
  const teacherOf = async (): Promise<Checkpoint> => fit(await capture(mlp({ hidden: 12 })), splits(200), options, { seed: 1 }); // prettier-ignore

  test('learns the task without its targets, leaves the teacher as it is, and leaks nothing', async () => {
    const model = await teacherOf();
    const before = structuredClone(bits(model));
    const teacher: Teacher = { model, weight: 1, features: [{ student: 'c', weight: 0.01 }] };
    const { train, validation, loss } = splits(200);
    const wrong = { ...train, targets: [{ ...train.targets[0], data: train.targets[0].data.map((_, i) => (i % 3 === 0 ? 1 : 0)) }] }; // prettier-ignore
    const data: Splits = { train: wrong, validation, loss };
    const student = await capture(mlp({ seed: 5 }));
    const taught = await withoutLeak(() => fit(student, data, { ...options, teacher }, { seed: 1 }));
    expect(bits(model)).toEqual(before);
    const scores = await Promise.all([student, taught].map(one => evaluate(one, validation!, loss)));
    expect(scores[0].accuracy).toBeLessThan(0.7);
    expect(scores[1].accuracy).toBeGreaterThan(0.85);
    const again = await fit(student, data, { ...options, teacher }, { seed: 1 });
    expect(bits(again)).toEqual(bits(taught));
  });

  test('weight 0 is training without a teacher', async () => {
    const student = await capture(mlp({ seed: 5 }));
    const few = { ...options, epochs: 2 };
    const alone = bits(await fit(student, splits(), few, { seed: 1 }));
    const taught = await fit(
      student,
      splits(),
      { ...few, teacher: { model: await capture(mlp()), weight: 0 } },
      { seed: 1 },
    );
    for (const [path, values] of Object.entries(bits(taught))) {
      values.forEach((value, i) => expect(value).toBeCloseTo(alone[path][i], 5));
    }
  });

  test.each<[string, Partial<Teacher>, string]>([
    ['a layer that is not there', { features: [{ student: 'x', weight: 1 }] }, 'layers of the student'],
    ['a teacher without it', { features: [{ student: 'a', teacher: 'x', weight: 1 }] }, 'layers of the teacher'],
    ['features of two shapes', { features: [{ student: 'a', weight: 1 }] }, 'got [any, 6]'],
    ['a weight above 1', { weight: 1.5 }, 'teacher.weight'],
    ['temperature 0', { temperature: 0 }, 'teacher.temperature'],
    ['a negative weight of features', { features: [{ student: 'a', weight: -1 }] }, 'weight of features "a"'],
  ])('%s is refused', async (_, how, message) => {
    const model = await capture(mlp({ hidden: 8 }));
    const student = await capture(mlp());
    const run = () => fit(student, splits(), { epochs: 1, batchSize: 16, teacher: { model, ...how } }, { seed: 1 });
    const error = await withoutLeak(() => rejection(run()));
    expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining(message)]);
  });

  test('outputs of another shape or kind are refused', async () => {
    const student = await capture(mlp());
    const run = (model: Checkpoint) =>
      rejection(fit(student, splits(), { epochs: 1, teacher: { model } }, { seed: 1 }));
    expect((await run(await capture(mlp({ outputs: 4 })))).message).toContain('output 0');
    const sigmoid = { train: examples(20), loss: [(_: tf.Tensor, p: tf.Tensor): tf.Scalar => tf.mean(p)] };
    const model = await capture(mlp({ head: 'sigmoid' }));
    const error = await rejection(fit(student, sigmoid, { epochs: 1, teacher: { model } }, { seed: 1 }));
    expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining('sigmoids')]);
  });
});

test('terms say how their output answers', () => {
  const kinds = (head: HeadName, loss: Loss[number]): Promise<LossTerm['answer']['kind']> =>
    capture(mlp({ head })).then(model => prepareLoss(model, [loss]).terms[0].answer.kind);
  return expect(
    Promise.all([
      kinds('linear', 'sparseCategoricalCrossentropy'),
      kinds('linear', 'binaryCrossentropy'),
      kinds('linear', 'meanSquaredError'),
      kinds('softmax', 'meanSquaredError'),
      kinds('sigmoid', (_, p) => tf.mean(p)),
    ]),
  ).resolves.toEqual(['classes', 'sigmoids', 'values', 'classes', 'sigmoids']);
});
