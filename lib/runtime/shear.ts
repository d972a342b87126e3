/** Training a model together with masks over its units. */
import type { Scalar } from '@tensorflow/tfjs-core';
import type { Checkpoint } from '../core/checkpoint';
import type { ShearOptions } from '../core/context';
import { random } from '../core/random';
import { readAllWeights } from './capture';
import type { Splits } from './data';
import { lossOn, requireFinite, type FitRun } from './fit';
import { hangGates } from './hangGates';
import { withLearner, type Learner } from './learner';
import { layersOf } from './leaves';
import { createLoader } from './loading';
import { createMasks, type Masks } from './masks';
import { pause } from './pause';
import { epochBatches } from './sampling';
import { createTrainer, rateAt, type Trainer } from './step';

type ShearRun = Required<Pick<FitRun, 'seed' | 'progress'>> & Pick<FitRun, 'signal'>;

/**
 * `checkpoint` and masks over its units, trained together: the loss of the task with units masked at random, as likely as their masks say, and
 * Lagrange multipliers, which climb while the others descend, that hold the expected number of units to the targets. Rates along half a cosine.
 * Paper: Xia et al. 2023, Sheared LLaMA, 2310.06694, section 2.1; masks: Louizos et al. 2018, 1712.01312.
 * Differs: a unit's mask is on every read of it; norms keep the divisor that the model has.
 * @throws PruneError `bad-option`, also for a loss that is not finite; `aborted`.
 */
export async function shear(
  checkpoint: Checkpoint,
  splits: Splits,
  options: ShearOptions,
  run: ShearRun,
): Promise<{ readonly model: Checkpoint; readonly scores: readonly Float64Array[] }> {
  const { label, masks: told } = options;
  let scores: readonly Float64Array[] = [];
  const trained = await withLearner(checkpoint, splits.loss, { place: label }, async learner => {
    const hung = hangGates(learner.model, told.flatMap(({ gates }) => gates)); // prettier-ignore
    const masks = createMasks(options, hung, random(run.seed, label, 'masks'));
    const noise = random(run.seed, label, 'noise');
    const trainer = createTrainer(learner.model, { optimizer: 'adam', added: learner.added, noise, beside: masks.variables }); // prettier-ignore
    try {
      await runSteps({ learner, splits, options, run, masks, trainer });
      scores = await masks.scores();
      return await readAllWeights(layersOf(learner.model));
    } finally {
      trainer.dispose();
      masks.dispose();
    }
  });
  return { model: trained, scores };
}

interface Course {
  readonly learner: Learner;
  readonly splits: Splits;
  readonly options: ShearOptions;
  readonly run: ShearRun;
  readonly masks: Masks;
  readonly trainer: Trainer;
}

async function runSteps({ learner: { model, terms }, splits, options, run, masks, trainer }: Course): Promise<void> {
  const { label, steps, batchSize, learningRate, loading } = options;
  const { seed, signal, progress } = run;
  const inTurn = batchesOf(options, splits, seed);
  const loader = loading && createLoader(loading, { model, splits, terms, seed, signal });
  const breathe = pause(label, signal);
  for (let step = 0; step < steps; step++) {
    await breathe();
    const batch = loader?.next(batchSize) ?? inTurn();
    const prepare = (): (() => Scalar) => masks.around(lossOn(splits.train, batch, model, terms), step);
    const loss = trainer.step(prepare, rateAt(learningRate, step, steps));
    const [value] = await loss.data().finally(() => loss.dispose());
    requireFinite(value, `${label}, step ${step + 1}`, learningRate);
    masks.clamp();
    if (loader) await masks.settled(() => loader.advance());
    if (step % Math.ceil(steps / 50) > 0 && step < steps - 1) continue;
    const detail = [`loss ${value.toFixed(4)}`, await masks.describe(), ...(loader ? [loader.describe()] : [])].join(
      ', ',
    );
    progress({ stage: label, done: step + 1, total: steps, detail });
  }
}

/** Every example once an epoch, in an order of its own. */
function batchesOf({ batchSize }: ShearOptions, { train }: Splits, seed: number): () => Int32Array {
  const all = Int32Array.from({ length: train.inputs[0].shape[0] }, (_, i) => i);
  let [epoch, left] = [0, [] as Int32Array[]];
  return () => {
    if (left.length === 0) left = epochBatches(all, batchSize, seed, epoch++);
    return left.shift()!;
  };
}
