/** The losses of learning from own texts, against the divergence counted out over all texts. */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-layers'; // registers gradients
import * as tf from '@tensorflow/tfjs-core';
import { random } from '../../lib/core/random';
import { divergence } from '../../lib/runtime/loss';
import { miniLlmLoss, weigh, type Texts } from '../../lib/runtime/onPolicy';
import type { Rollout } from '../../lib/runtime/rollout';
import { CPU_KERNELS } from '../backend';

beforeAll(async () => {
  await tf.setBackend(CPU_KERNELS);
});

const SIZE = 3;
/** Every text of two tokens. */
const ALL = Array.from({ length: SIZE ** 2 }, (_, i) => [Math.floor(i / SIZE), i % SIZE]);

/** Logits of the first token, and of the second behind each first one: `[1 + SIZE, SIZE]`. */
function table(seed: number): tf.Tensor2D {
  const draws = random(seed, 'table');
  const values = Array.from({ length: (1 + SIZE) * SIZE }, () => draws.normal());
  return tf.tensor2d(values, [1 + SIZE, SIZE]);
}

/** `[texts, 2, SIZE]`: log probabilities along each text. */
function along(logits: tf.Tensor, texts: readonly number[][]): tf.Tensor {
  const rows = texts.flatMap(([first]) => [0, 1 + first]);
  const chosen = tf.matMul(tf.cast(tf.oneHot(tf.tensor1d(rows, 'int32'), 1 + SIZE), 'float32'), tf.logSoftmax(logits));
  return tf.reshape(chosen, [texts.length, 2, SIZE]);
}

/** `[texts, 2]`. */
function chosen(logProbabilities: tf.Tensor, texts: readonly number[][]): tf.Tensor {
  const mask = tf.reshape(tf.cast(tf.oneHot(tf.tensor1d(texts.flat(), 'int32'), SIZE), 'float32'), [-1, 2, SIZE]);
  return tf.sum(tf.mul(logProbabilities, mask), -1);
}

/** KL(q || p) over whole texts. */
function exactDivergence(student: tf.Tensor, teacher: tf.Tensor): tf.Scalar {
  const [q, p] = [student, teacher].map(logits => tf.sum(chosen(along(logits, ALL), ALL), -1));
  return tf.sum(tf.mul(tf.exp(q), tf.sub(q, p)));
}

function rolloutOf(student: tf.Tensor, teacher: tf.Tensor, texts: readonly number[][]): Rollout {
  const [own, known] = [student, teacher].map(logits => chosen(along(logits, texts), texts).dataSync<'float32'>());
  const [rows, length] = [texts.length, 2];
  const tokens = Int32Array.from(texts.flatMap(text => [0, ...text]));
  const lengths = new Int32Array(rows).fill(2);
  return { rows, prompt: 1, length, tokens, lengths, student: own, teacher: known };
}

interface Kind {
  readonly mix: number;
  readonly longTerm: boolean;
  readonly lengthNormalization: boolean;
}

/** The loss on one text as a function of the student's logits. */
function lossOf(text: number[], student: tf.Tensor, teacher: tf.Tensor, kind: Kind): (logits: tf.Tensor) => tf.Scalar {
  const rollout = rolloutOf(student, teacher, [text]);
  const { mask, importance, advantage } = weigh(rollout, kind);
  const [a, b, c, before] = [mask, importance, advantage, rollout.student].map(each => tf.tensor2d(each, [1, 2]));
  const fixed = { p: along(teacher, [text]), tokens: tf.tensor2d([text], [1, 2], 'int32'), before };
  const weights = { mask: a, importance: b, advantage: c };
  return logits => miniLlmLoss({ q: along(logits, [text]), ...fixed, ...weights }, { ...kind, clip: 1 });
}

const gradientOf = (loss: (logits: tf.Tensor) => tf.Scalar, at: tf.Tensor): tf.Tensor => tf.grad(loss)(at);

function largest(a: tf.Tensor, b: tf.Tensor): number {
  return tf.max(tf.abs(tf.sub(a, b))).dataSync()[0];
}

test.each([0, 1, 2])(
  'expected over all texts, the gradient is that of the divergence of whole texts (seed %p)',
  seed => {
    tf.tidy(() => {
      const [student, teacher] = [table(seed), table(seed + 100)];
      const likely = tf.exp(tf.sum(chosen(along(student, ALL), ALL), -1)).dataSync();
      const kind = { mix: 0, longTerm: true, lengthNormalization: false };
      const expected = ALL.map((text, i) => {
        const gradient = gradientOf(lossOf(text, student, teacher, kind), student);
        return tf.mul(gradient, 2 * likely[i]); // the loss is a mean over two tokens
      });
      const exact = gradientOf(logits => exactDivergence(logits, teacher), student);
      expect(largest(exact, tf.zerosLike(exact))).toBeGreaterThan(0.05);
      expect(largest(tf.addN(expected), exact)).toBeLessThan(1e-5);
      const short = ALL.map((text, i) => {
        const gradient = gradientOf(lossOf(text, student, teacher, { ...kind, longTerm: false }), student);
        return tf.mul(gradient, 2 * likely[i]);
      });
      expect(largest(tf.addN(short), exact)).toBeGreaterThan(1e-3); // what follows does count
    });
  },
);

test('texts drawn with the teacher count by their importance, place by place', () => {
  tf.tidy(() => {
    const [student, teacher] = [table(3), table(4)];
    const texts = ALL.filter(([first]) => first === 0);
    const rollout = rolloutOf(student, teacher, texts);
    const [q, p] = [student, teacher].map(logits => tf.softmax(logits).arraySync());
    const { importance } = weigh(rollout, { mix: 0.3, lengthNormalization: true });
    texts.forEach(([first, second], row) => {
      const ratio = (place: number, token: number) => q[place][token] / (0.3 * p[place][token] + 0.7 * q[place][token]);
      expect(importance[2 * row]).toBeCloseTo(ratio(0, first), 5);
      expect(importance[2 * row + 1]).toBeCloseTo(ratio(1 + first, second), 5);
    });
    // Weighted by what they were drawn from, the importance of a place adds up to one.
    const total = texts.reduce((sum, [, second], row) => {
      return sum + (0.3 * p[1][second] + 0.7 * q[1][second]) * importance[2 * row + 1];
    }, 0);
    expect(total).toBeCloseTo(1, 5);
  });
});

test('where student and teacher are one, loss and gradient are zero', () => {
  tf.tidy(() => {
    const student = table(5);
    for (const longTerm of [false, true]) {
      const kind = { mix: 0.2, longTerm, lengthNormalization: true };
      for (const text of ALL) {
        const loss = lossOf(text, student, student, kind);
        expect(Math.abs(loss(student).dataSync()[0])).toBeLessThan(1e-6);
        const gradient = gradientOf(loss, student);
        expect(largest(gradient, tf.zerosLike(gradient))).toBeLessThan(1e-6);
      }
    }
  });
});

test('the divergence of a place is at least zero, and its gradient that of the sum written out', () => {
  tf.tidy(() => {
    const [student, teacher] = [table(6), table(7)];
    const [q, p] = [student, teacher].map(logits => tf.logSoftmax(logits));
    const values = divergence(q, p).dataSync();
    const [rows, known] = [tf.exp(q).arraySync(), tf.exp(p).arraySync()];
    rows.forEach((row, i) => {
      const written = row.reduce((sum, each, token) => sum + each * Math.log(each / known[i][token]), 0);
      expect(values[i]).toBeCloseTo(written, 5);
      expect(values[i]).toBeGreaterThan(0);
    });
  });
});

const written = (lengths: number[], length: number, student: number[][], teacher: number[][]): Rollout => {
  const wide = (rows: number[][]) =>
    Float32Array.from(rows.flatMap(row => [...row, ...Array(length - row.length).fill(-9)]));
  const rows = lengths.length;
  const tokens = new Int32Array(rows * (1 + length));
  return { rows, prompt: 1, length, tokens, lengths: Int32Array.from(lengths), student: wide(student), teacher: wide(teacher) }; // prettier-ignore
};

test('what stands behind the end of a text changes nothing', () => {
  const [student, teacher] = [[[-1, -2, -0.5]], [[-2, -1, -1.5]]];
  const kind = { mix: 0.2, lengthNormalization: true };
  const short = weigh(written([3], 3, student, teacher), kind);
  const long = weigh(written([3], 40, student, teacher), kind);
  for (const part of ['mask', 'importance', 'advantage'] as const) {
    expect([...long[part].subarray(0, 3)]).toEqual([...short[part]]);
    expect([...long[part].subarray(3)].every(value => value === 0)).toBe(true);
  }
  tf.tidy(() => {
    const logits = tf.randomNormal([1, 40, SIZE], 0, 1, 'float32', 1);
    const teacherLogits = tf.randomNormal([1, 40, SIZE], 0, 1, 'float32', 2);
    const lossAt = (width: number, { mask, importance, advantage }: typeof short) => {
      const [q, p] = [logits, teacherLogits].map(all => tf.logSoftmax(tf.slice(all, [0, 0, 0], [1, width, SIZE])));
      const [a, b, c] = [mask, importance, advantage].map(each => tf.tensor2d(each, [1, width]));
      const tokens = tf.zeros([1, width], 'int32');
      const texts: Texts = { q, p, tokens, before: tf.fill([1, width], -1), mask: a, importance: b, advantage: c };
      return miniLlmLoss(texts, { longTerm: true, clip: 0.2 }).dataSync()[0];
    };
    expect(lossAt(40, long)).toBeCloseTo(lossAt(3, short), 6);
  });
});

test('a constant reward gives the same advantage at any length, and long texts stay finite', () => {
  for (const length of [2, 7, 2000]) {
    const same = [Array<number>(length).fill(-1.5)];
    const teacher = [Array<number>(length).fill(-1)];
    const rollout = written([length], length, same, teacher);
    const { advantage } = weigh(rollout, { mix: 0.2, lengthNormalization: true });
    expect(advantage[length - 1]).toBe(0); // nothing follows
    for (const value of advantage.subarray(0, -1)) expect(value).toBeCloseTo(0.5, 3);
    const plain = weigh(rollout, { mix: 0.2, lengthNormalization: false });
    expect(plain.advantage[0]).toBeCloseTo(0.5 * (length - 1), 1);
  }
});

test('a student of one peak takes one of two peaks by the reverse divergence, and lies between by the forward', () => {
  const places = tf.range(0, 21);
  const peak = (at: tf.Tensor): tf.Tensor => tf.logSoftmax(tf.neg(tf.div(tf.square(tf.sub(places, at)), 4)));
  const teacher = tf.logSoftmax(tf.log(tf.add(tf.exp(peak(tf.scalar(4))), tf.exp(peak(tf.scalar(16))))));
  const settle = (loss: (q: tf.Tensor) => tf.Tensor, start: number): number => {
    let at: tf.Tensor = tf.scalar(start);
    for (let step = 0; step < 200; step++) {
      const slope = tf.grad(each => loss(peak(each)))(at);
      at = tf.sub(at, tf.mul(slope, 0.5));
    }
    return at.dataSync()[0];
  };
  tf.tidy(() => {
    const forward = (q: tf.Tensor) => tf.neg(tf.sum(tf.mul(tf.exp(teacher), q)));
    expect(settle(q => divergence(q, teacher), 9)).toBeCloseTo(4, 0);
    expect(settle(q => divergence(q, teacher), 11)).toBeCloseTo(16, 0);
    expect(settle(forward, 9)).toBeCloseTo(10, 0);
  });
  tf.dispose([places, teacher]);
});
