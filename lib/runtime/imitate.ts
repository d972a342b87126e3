/** Learning from texts that are written while training goes on. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Checkpoint } from '../core/checkpoint';
import type { ImitateOptions, Split } from '../core/context';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { readAllWeights } from './capture';
import type { Splits } from './data';
import { lossOn, requireFinite, type FitRun } from './fit';
import { vocabularySize } from './generate';
import { layersOf } from './leaves';
import { withLearner, type Learner } from './learner';
import { withModel } from './materialize';
import { foretold, meanOver, miniLlmLoss, ofTokens, weigh } from './onPolicy';
import { pause } from './pause';
import { forward } from './predict';
import { rollOut, type Rollout } from './rollout';
import { epochBatches, stepsPerEpoch } from './sampling';
import { createTrainer, type Trainer } from './step';

type ImitateRun = Required<Pick<FitRun, 'seed' | 'progress'>> & Pick<FitRun, 'signal'>;

/**
 * `checkpoint` after learning from texts that are written behind the beginnings of training examples; same topology, other weights. Each
 * round writes anew, with the student as it is by then. Rate along half a cosine to zero. Same seed, same bytes.
 * @throws PruneError `bad-option` for models that are no causal language models of one vocabulary, and for a loss that is not finite;
 * `bad-data` for examples shorter than the prompt; `aborted`.
 */
export async function imitate(
  checkpoint: Checkpoint,
  splits: Splits,
  options: ImitateOptions,
  run: ImitateRun,
): Promise<Checkpoint> {
  const { label, optimizer, teacher } = options;
  requirePrompts(splits.train, options);
  return withLearner(checkpoint, splits.loss, { place: label }, learner =>
    withModel(teacher, async wise => {
      requireOneVocabulary(label, learner.model, wise);
      const noise = random(run.seed, label, 'noise');
      const trainer = createTrainer(learner.model, { optimizer, added: learner.added, noise });
      try {
        await runRounds({ learner, teacher: wise, trainer, train: splits.train, options, run });
        return await readAllWeights(layersOf(learner.model));
      } finally {
        trainer.dispose();
      }
    }),
  );
}

interface Course {
  readonly learner: Learner;
  readonly teacher: LayersModel;
  readonly trainer: Trainer;
  readonly train: Split;
  readonly options: ImitateOptions;
  readonly run: ImitateRun;
}

async function runRounds(course: Course): Promise<void> {
  const { options, run } = course;
  const { label, rounds } = options;
  const breathe = pause(label, run.signal);
  for (let round = 0; round < rounds; round++) {
    const written = await write(course, round, breathe);
    const loss = await learnFrom(course, written, round, breathe);
    requireFinite(loss, `${label}, round ${round + 1}`, options.learningRate);
    const apart = options.loss.kind === 'reverseKl' ? `, log q - log p ${apartOf(written).toFixed(4)} a token` : '';
    run.progress({ stage: label, done: round + 1, total: rounds, detail: `loss ${loss.toFixed(4)}${apart}` });
  }
}

/** Texts behind the beginnings of examples that the seed draws. */
async function write(
  { learner, teacher, train, options, run }: Course,
  round: number,
  breathe: () => Promise<void>,
): Promise<Rollout> {
  const { label, texts, prompt, length, stop, batchSize, loss } = options;
  const [{ data, shape }] = train.inputs;
  const draws = random(run.seed, label, 'texts', round);
  const prompts = Array.from({ length: texts }, () => {
    const begin = draws.integer(shape[0]) * shape[1];
    return Int32Array.from(data.subarray(begin, begin + prompt));
  });
  const mix = loss.kind === 'sequence' ? 1 : loss.mix;
  const how = { student: learner.model, teacher, mix, length, stop, draws, breathe };
  const parts: Rollout[] = [];
  for (let from = 0; from < texts; from += batchSize) {
    parts.push(await rollOut(prompts.slice(from, from + batchSize), how));
  }
  return joined(parts);
}

/** Trains on `written` for its epochs; gives the mean of the losses. */
async function learnFrom(
  course: Course,
  written: Rollout,
  round: number,
  breathe: () => Promise<void>,
): Promise<number> {
  const { learner, train, trainer, options, run } = course;
  const { rounds, texts, epochs, batchSize, learningRate, languageModel } = options;
  const steps = epochs * stepsPerEpoch(texts, batchSize);
  const order = Int32Array.from({ length: texts }, (_, row) => row);
  const draws = random(run.seed, options.label, 'examples', round);
  const losses: tf.Scalar[] = [];
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const rows of epochBatches(order, batchSize, run.seed, round * epochs + epoch)) {
        await breathe();
        const progress = (round * steps + losses.length) / (rounds * steps);
        const examples = rows.map(() => draws.integer(train.inputs[0].shape[0]));
        const prepare = (): (() => tf.Scalar) => {
          const own = textLoss(course, written, rows);
          if (languageModel === 0) return own;
          const task = lossOn(train, examples, learner.model, learner.terms);
          return () => tf.add(own(), tf.mul(task(), languageModel));
        };
        losses.push(trainer.step(prepare, learningRate * 0.5 * (1 + Math.cos(Math.PI * progress))));
      }
    }
    const all = await Promise.all(losses.map(loss => loss.data()));
    return all.reduce((sum, [loss]) => sum + loss, 0) / all.length;
  } finally {
    tf.dispose(losses);
  }
}

/** On the texts in `rows`; the teacher is asked at once. */
function textLoss({ learner, teacher, options }: Course, written: Rollout, rows: Int32Array): () => tf.Scalar {
  const { prompt, length } = written;
  const { loss } = options;
  const shape: [number, number] = [rows.length, length];
  const pick = (all: Float32Array, width = length): Float32Array =>
    Float32Array.from(
      { length: rows.length * width },
      (_, i) => all[rows[Math.floor(i / width)] * width + (i % width)],
    );
  const whole = tf.tensor2d(pick(Float32Array.from(written.tokens), prompt + length), [rows.length, prompt + length]);
  const fed = tf.cast(tf.slice(whole, [0, 0], [rows.length, prompt + length - 1]), 'int32');
  const tokens = tf.slice(whole, [0, prompt], shape);
  const weighed = weigh(written, loss.kind === 'sequence' ? { mix: 1, lengthNormalization: true } : loss);
  const mask = tf.tensor2d(pick(weighed.mask), shape);
  const given = (): tf.Tensor => foretold(forward(learner.model, [fed], true)[0], prompt);
  if (loss.kind === 'sequence') return () => meanOver(tf.neg(ofTokens(given(), tokens)), mask);
  const p = foretold(forward(teacher, [fed])[0], prompt);
  const before = tf.tensor2d(pick(written.student), shape);
  const [importance, advantage] = [weighed.importance, weighed.advantage].map(all => tf.tensor2d(pick(all), shape));
  return () => miniLlmLoss({ q: given(), p, tokens, before, mask, importance, advantage }, loss);
}

function joined(parts: readonly Rollout[]): Rollout {
  const floats = (pick: (part: Rollout) => Float32Array): Float32Array =>
    Float32Array.from(parts.flatMap(part => [...pick(part)]));
  const integers = (pick: (part: Rollout) => Int32Array): Int32Array =>
    Int32Array.from(parts.flatMap(part => [...pick(part)]));
  return {
    ...parts[0],
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    tokens: integers(({ tokens }) => tokens),
    lengths: integers(({ lengths }) => lengths),
    student: floats(({ student }) => student),
    teacher: floats(({ teacher }) => teacher),
  };
}

/** Mean over tokens of how much likelier they were to the student than to the teacher. */
function apartOf({ rows, length, lengths, student, teacher }: Rollout): number {
  let [sum, count] = [0, 0];
  for (let row = 0; row < rows; row++) {
    for (let i = row * length; i < row * length + lengths[row]; i++, count++) sum += student[i] - teacher[i];
  }
  return sum / count;
}

function requirePrompts({ inputs }: Split, { label, prompt }: ImitateOptions): void {
  const [, time = 0] = inputs[0].shape;
  if (inputs.length === 1 && inputs[0].shape.length === 2 && time >= prompt) return;
  throw new PruneError('bad-data', {
    place: label,
    expected: `training examples of at least ${prompt} tokens, [examples, time]`,
    got: `[${inputs[0].shape.join(', ')}]`,
    cure: 'Cut the text into longer windows, or lower prompt.',
  });
}

function requireOneVocabulary(place: string, student: LayersModel, teacher: LayersModel): void {
  const [own, known] = [student, teacher].map(model => vocabularySize(place, model));
  if (own === known) return;
  throw new PruneError('bad-option', {
    place,
    expected: `a teacher with the student's ${own} tokens`,
    got: `${known} tokens`,
    cure: 'Take the model that the student was cut from.',
  });
}
