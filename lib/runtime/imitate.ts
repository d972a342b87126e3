/** Learning from texts that are written while training goes on. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { concatenate, ndarray, type NdArray } from '../core/array';
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
import { createTrainer, rateAt, type Trainer } from './step';
import { batchOf } from './tensors';

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
    const loss = await learnFrom(course, tableOf(written, options), round, breathe);
    requireFinite(loss, `${label}, round ${round + 1}`, options.learningRate);
    const apart = options.loss.kind === 'reverseKl' ? `, log q - log p ${apartOf(written).toFixed(4)} a token` : '';
    run.progress({ stage: label, done: round + 1, total: rounds, detail: `loss ${loss.toFixed(4)}${apart}` });
  }
}

/** Texts behind the beginnings of examples that the seed draws, batch by batch. */
async function write(
  { learner, teacher, train, options, run }: Course,
  round: number,
  breathe: () => Promise<void>,
): Promise<readonly Rollout[]> {
  const { label, texts, prompt, length, stop, batchSize, loss } = options;
  const [{ data, shape }] = train.inputs;
  const draws = random(run.seed, label, 'texts', round);
  const prompts = Array.from({ length: texts }, () => {
    const begin = draws.integer(shape[0]) * shape[1];
    return Int32Array.from(data.subarray(begin, begin + prompt));
  });
  const how = { student: learner.model, teacher, mix: mixOf(loss), length, stop, draws, breathe };
  const written: Rollout[] = [];
  for (let from = 0; from < texts; from += batchSize) {
    written.push(await rollOut(prompts.slice(from, from + batchSize), how));
  }
  return written;
}

function mixOf(loss: ImitateOptions['loss']): number {
  return loss.kind === 'sequence' ? 1 : loss.mix;
}

/** One row for each text: its tokens with the prompt; then token by token what the student thought of them, mask, importance and advantage. */
function tableOf(written: readonly Rollout[], { loss }: ImitateOptions): readonly NdArray[] {
  const { lengthNormalization } = loss.kind === 'sequence' ? { lengthNormalization: true } : loss;
  const tables = written.map(rollout => {
    const { rows, prompt, length, tokens, student } = rollout;
    const { mask, importance, advantage } = weigh(rollout, { mix: mixOf(loss), lengthNormalization });
    const each = [student, mask, importance, advantage].map(values => ndarray(values, [rows, length]));
    return [ndarray(tokens, [rows, prompt + length]), ...each];
  });
  return tables[0].map((_, column) => concatenate(tables.map(table => table[column])));
}

/** Trains on the texts of `table` for its epochs; gives the mean of the losses. */
async function learnFrom(
  course: Course,
  table: readonly NdArray[],
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
        const examples = rows.map(() => draws.integer(train.inputs[0].shape[0]));
        const prepare = (): (() => tf.Scalar) => {
          const own = textLoss(course, batchOf(table, rows));
          if (languageModel === 0) return own;
          const task = lossOn(train, examples, learner.model, learner.terms);
          return () => tf.add(own(), tf.mul(task(), languageModel));
        };
        const rate = rateAt(learningRate, round * steps + losses.length, rounds * steps);
        losses.push(trainer.step(prepare, rate));
      }
    }
    const all = await Promise.all(losses.map(loss => loss.data()));
    return all.reduce((sum, [loss]) => sum + loss, 0) / all.length;
  } finally {
    tf.dispose(losses);
  }
}

/** On a batch of {@link tableOf}; the teacher is asked at once. */
function textLoss(
  { learner, teacher, options: { loss, prompt, length } }: Course,
  [whole, before, mask, importance, advantage]: readonly tf.Tensor[],
): () => tf.Scalar {
  const [rows] = whole.shape;
  const fed = tf.slice(whole, [0, 0], [rows, prompt + length - 1]);
  const tokens = tf.slice(whole, [0, prompt], [rows, length]);
  const given = (): tf.Tensor => foretold(forward(learner.model, [fed], true)[0], prompt);
  if (loss.kind === 'sequence') return () => meanOver(tf.neg(ofTokens(given(), tokens)), mask);
  const p = foretold(forward(teacher, [fed])[0], prompt);
  return () => miniLlmLoss({ q: given(), p, tokens, before, mask, importance, advantage }, loss);
}

/** Mean over tokens of how much likelier they were to the student than to the teacher. */
function apartOf(written: readonly Rollout[]): number {
  let [sum, count] = [0, 0];
  for (const { rows, length, lengths, student, teacher } of written) {
    for (let row = 0; row < rows; row++) {
      for (let i = row * length; i < row * length + lengths[row]; i++, count++) sum += student[i] - teacher[i];
    }
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
