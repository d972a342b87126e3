/** Training. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { FitOptions, Moments, Progress, Score, Split } from '../core/context';
import { PruneError } from '../core/errors';
import type { GammaHistory } from '../core/gammas';
import { random, type Random } from '../core/random';
import { wrapNorms } from '../edit/slim';
import { Slimmable } from '../layers/slimmable';
import { readAllWeights } from './capture';
import type { Splits } from './data';
import { withGuide, type Guide } from './distill';
import { score } from './evaluate';
import { readFitOptions, type FitSettings } from './fitOptions';
import { watchGammas, type GammaWatch } from './gammas';
import { layersOf } from './leaves';
import { withLearner } from './learner';
import { createLoader, type Loader } from './loading';
import type { LossTerm } from './loss';
import { unfitness } from './moments';
import { withoutAdded, type Added } from './norms';
import { pause } from './pause';
import { forward } from './predict';
import type { Halfway } from './resume';
import { epochBatches, stepsPerEpoch, subset } from './sampling';
import { createTrainer, rateAt, type Trainer } from './step';
import { batchOf } from './tensors';

export interface FitRun {
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly progress?: (event: Progress) => void;
  readonly log?: (message: string) => void;
  /** With `carry`: what the optimizer knows at first; undefined for a fresh one. */
  readonly moments?: Moments;
  /** With `carry`: told what the optimizer knows in the end, at the epoch whose weights are returned. */
  readonly onMoments?: (moments: Moments) => void;
  /** With `l1`: told in the end how the gammas went. */
  readonly onGammas?: (history: GammaHistory) => void;
  /** Where it keeps how far it is, after every epoch but the last; none with `loading`, whose draws follow from all that came before. */
  readonly halfway?: Halfway;
}

/**
 * `checkpoint` after training on `splits.train`: same topology, other weights. Fresh optimizer but for `carry`, rate along half a cosine to
 * zero. Same seed, same bytes on a deterministic backend such as wasm, Dropout and noise included. A last batch of one
 * example joins the one before. Penalties of regularizers count once per layer, shared or not. Progress once per epoch.
 * With `l1`, every BatchNormalization is penalised for this run. A BatchNormalization with `scale: false` or
 * `center: false` is trained as it is.
 * @throws PruneError `bad-option` (also for a loss that is not finite: the rate is too high), `bad-data`, `bad-model`,
 * `aborted`; nothing is left behind then.
 */
export async function fit(
  checkpoint: Checkpoint,
  splits: Splits,
  options: FitOptions,
  { seed, signal, progress = () => {}, log, moments, onMoments, onGammas, halfway }: FitRun,
): Promise<Checkpoint> {
  const settings = readFitOptions(options, splits);
  const { l1, optimizer, teacher, regularize } = settings;
  const { begun, past, known } = await startOf(checkpoint, settings, { moments, halfway, log });
  const examples = subset(splits.train, splits.loss, settings.fraction, seed);
  const wrap = l1 === undefined ? undefined : (complete: Checkpoint) => wrapNorms(complete, { l1 });
  let ended: Moments | undefined;
  let history: GammaHistory | undefined;
  const trained = await withLearner(begun, splits.loss, { place: 'fit', wrap }, ({ model, terms, added }) => {
    const noise = noiseOf(seed);
    return withGuide(teacher, splits.loss, model, terms, async guide => {
      const done = (past?.epochs ?? 0) * stepsPerEpoch(examples.length, settings.batchSize);
      const trainer = createTrainer(model, { optimizer, added, noise, moments: known, regularize, done });
      const learn: Run['learn'] = (batch, rate) => {
        const mean = trainer.step(() => lossOn(splits.train, batch, model, terms, guide), rate);
        guide?.release();
        return mean;
      };
      try {
        const loader = settings.loading && createLoader(settings.loading, { model, splits, terms, seed, signal });
        const watch = l1 === undefined ? undefined : watchGammas(model, l1, past?.gammas);
        const about = { model, splits, settings, terms, examples, added, past, seed, signal, progress, halfway };
        const { weights, moments: last } = await runEpochs({ ...about, trainer, learn, noise, loader, watch });
        ended = last;
        history = watch?.history();
        return weights;
      } finally {
        trainer.dispose();
      }
    });
  });
  if (ended) onMoments?.(ended);
  if (history) onGammas?.(history);
  return trained;
}

/** The loss on a batch of examples, a teacher's part included; what it says is asked at once. */
export function lossOn(
  split: Split,
  indices: Int32Array,
  model: LayersModel,
  terms: readonly LossTerm[],
  guide?: Guide,
): () => tf.Scalar {
  const [inputs, targets] = [split.inputs, split.targets].map(arrays => batchOf(arrays, indices));
  const lesson = guide?.ask(inputs);
  return () => {
    const outputs = forward(model, inputs, true);
    const task: tf.Scalar = tf.addN(terms.map((term, i) => term.mean(targets[i], outputs[i])));
    return lesson ? guide!.loss(lesson, outputs, task) : task;
  };
}

/** What training begins with: the model and what the optimizer knows, as they are given or as a run that was stopped left them. */
async function startOf(
  checkpoint: Checkpoint,
  settings: FitSettings,
  { moments, halfway, log }: Pick<FitRun, 'moments' | 'halfway' | 'log'>,
): Promise<{ readonly begun: Checkpoint; readonly past?: Past; readonly known?: Moments }> {
  const past = (await halfway?.read()) as Past | undefined;
  if (past === undefined) {
    return { begun: checkpoint, known: settings.carry ? knownMoments(moments, checkpoint, settings, log) : undefined };
  }
  log?.(`${settings.label}: goes on behind epoch ${past.epochs} of ${settings.epochs}`);
  return { begun: { ...checkpoint, weights: past.now.weights }, past, known: past.now.moments };
}

function knownMoments(
  moments: Moments | undefined,
  { weights }: Checkpoint,
  { label, optimizer }: FitSettings,
  log: FitRun['log'],
): Moments | undefined {
  const reason = moments ? unfitness(moments, weights, optimizer) : 'there are none';
  if (reason !== undefined)
    log?.(`${label}: the optimizer starts afresh, for of the moments to carry on with ${reason}`);
  return reason === undefined ? moments : undefined;
}

/** What Dropout and noise layers draw from: a stream for each epoch. */
interface Noise extends Pick<Random, 'uniform'> {
  begin(epoch: number): void;
}

function noiseOf(seed: number): Noise {
  const streamOf = (epoch: number): Random => random(seed, 'fit', 'noise', epoch);
  let stream = streamOf(0);
  return { uniform: () => stream.uniform(), begin: epoch => (stream = streamOf(epoch)) };
}

interface Run {
  readonly model: LayersModel;
  readonly splits: Splits;
  readonly settings: FitSettings;
  readonly terms: readonly LossTerm[];
  /** Of the training split. */
  readonly examples: Int32Array;
  readonly added: Added;
  readonly past?: Past;
  readonly noise: Noise;
  readonly halfway?: Halfway;
  readonly trainer: Trainer;
  /** Trains on a batch; gives its mean loss, read by nobody yet. */
  readonly learn: (batch: Int32Array, rate: number) => tf.Scalar;
  /** Where batches are drawn by domains. */
  readonly loader?: Loader;
  /** Where gammas are penalised. */
  readonly watch?: GammaWatch;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly progress: (event: Progress) => void;
}

/** Where training stands. */
interface Standing {
  readonly weights: Checkpoint['weights'];
  readonly moments?: Moments;
}

interface Best {
  readonly loss: number;
  readonly epoch: number;
  readonly at?: Standing;
}

/** What a training that was stopped needs to go on, after so many epochs. */
interface Past {
  readonly epochs: number;
  readonly now: Standing;
  readonly best: Best;
  readonly gammas?: GammaHistory;
}

async function standing({ model, trainer, settings }: Run, carry = settings.carry): Promise<Standing> {
  const weights = await readAllWeights(layersOf(model));
  return { weights, ...(carry && { moments: await trainer.moments() }) };
}

async function keepHalfway(run: Run, epochs: number, best: Best): Promise<void> {
  const { halfway, settings, added, watch } = run;
  if (!halfway || epochs === settings.epochs) return;
  const { weights, moments } = await standing(run, true);
  const past: Past = {
    epochs,
    now: { weights: withoutAdded(weights, added), moments },
    best,
    gammas: watch?.history(),
  };
  await halfway.write(past);
}

async function runEpochs(run: Run): Promise<Standing> {
  const { model, splits, settings, terms, watch, signal, past } = run;
  let best: Best = past?.best ?? { loss: Infinity, epoch: -1 };
  if (!past) await watch?.look();
  for (let epoch = past?.epochs ?? 0; epoch < settings.epochs; epoch++) {
    const loss = await trainEpoch(run, epoch);
    requireFinite(loss, `fit, epoch ${epoch + 1}`, settings.learningRate);
    await watch?.look();
    const validation = splits.validation && (await score(model, splits.validation, terms, { signal }));
    run.progress({
      stage: settings.label,
      done: epoch + 1,
      total: settings.epochs,
      detail: [describe(loss, validation), ...(run.loader ? [run.loader.describe()] : [])].join(', '),
      epoch: { loss, ...(validation && { validation }) },
    });
    if (validation !== undefined && validation.loss < best.loss) {
      best = { loss: validation.loss, epoch, at: settings.restoreBest ? await standing(run) : undefined };
    } else if (epoch - best.epoch >= settings.patience) break; // endless where nothing is validated
    await keepHalfway(run, epoch + 1, best);
  }
  return best.at ?? standing(run);
}

/** Mean loss over the epoch. The losses stay on the device until its end. */
async function trainEpoch(
  { model, settings, examples, learn, loader, noise, seed, signal }: Run,
  epoch: number,
): Promise<number> {
  noise.begin(epoch);
  const { batchSize, epochs, learningRate } = settings;
  const perEpoch = stepsPerEpoch(examples.length, batchSize);
  const breathe = pause('fit', signal);
  let sum: tf.Tensor = tf.scalar(0);
  try {
    for (const [i, given] of epochBatches(examples, batchSize, seed, epoch).entries()) {
      await breathe();
      const batch = loader?.next(given.length) ?? given;
      const step = epoch * perEpoch + i;
      annealPenalty(model, settings, step / Math.max(1, epochs * perEpoch - 1));
      sum = addTo(sum, learn(batch, rateAt(learningRate, step, epochs * perEpoch)), batch.length);
      await loader?.advance();
    }
    return (await sum.data())[0] / examples.length;
  } finally {
    sum.dispose();
  }
}

function addTo(sum: tf.Tensor, loss: tf.Tensor, weight: number): tf.Tensor {
  const next = tf.tidy(() => tf.add(sum, tf.mul(loss, weight)));
  tf.dispose([sum, loss]);
  return next;
}

function annealPenalty(model: LayersModel, { l1, anneal }: FitSettings, progress: number): void {
  if (l1 === undefined) return;
  const factor = checkNumber('fit', 'anneal(progress)', anneal(progress), { least: 0 });
  for (const { layer } of layersOf(model)) if (layer instanceof Slimmable) layer.l1 = l1 * factor;
}

/** @throws PruneError `bad-option` where `loss` is not. */
export function requireFinite(loss: number, place: string, learningRate: number): void {
  if (Number.isFinite(loss)) return;
  throw new PruneError('bad-option', {
    place,
    expected: 'a finite loss',
    got: String(loss),
    cure: `Lower learningRate below ${learningRate}, or scale the inputs to about [-1, 1].`,
  });
}

function describe(loss: number, validation: Score | undefined): string {
  const parts = [`loss ${loss.toFixed(4)}`];
  if (validation) parts.push(`validation loss ${validation.loss.toFixed(4)}`);
  if (validation?.accuracy !== undefined) parts.push(`accuracy ${(100 * validation.accuracy).toFixed(1)} %`);
  return parts.join(', ');
}
