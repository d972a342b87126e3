/** What a method or criterion may ask of the outside. `runtime/` provides the abilities. */
import type { NdArray } from './array';
import type { Checkpoint } from './checkpoint';
import type { InputSizes } from './shapes';
import type { Measured, TimeOptions, Times } from './timing';

/** Abilities that cost the caller something (data, a backend that trains); asked for by type, so that a missing one does not compile. */
export type Need = 'data' | 'gradients' | 'training';

/** Examples as plain arrays, `[examples, ...]`; one array per model input and per model output. */
export interface Split {
  readonly inputs: readonly NdArray[];
  readonly targets: readonly NdArray[];
}

/** Mean loss over a split; accuracy in [0, 1] where the head is a classifier. */
export interface Score {
  readonly loss: number;
  readonly accuracy?: number;
}

export interface RecalibrateOptions {
  /** Batches of training data to average over; default: all, at most 200. */
  readonly batches?: number;
  readonly batchSize?: number;
}

/** A model, and the paths of the layers to look at. */
export interface Watched {
  readonly model: Checkpoint;
  readonly layers: readonly string[];
  /** Paths of layers whose outputs are looked at; {@link madeBy} is where they are shown. */
  readonly makers?: readonly string[];
}

/** What each layer was given for one batch: call by call in the order of running, an array for each of its inputs. */
export type Observed = ReadonlyMap<string, readonly (readonly NdArray[])[]>;

/** Where {@link Observed} shows what the layer at `path` gave: call by call, an array for each of its outputs. */
export function madeBy(path: string): string {
  return `${path} >`;
}

export interface ObserveOptions {
  /** Batches of training data to look at; default: 16. */
  readonly batches?: number;
  /** Default: 64. */
  readonly batchSize?: number;
}

/** What a batch is shown to: true ends the run, for enough was seen. */
export type See<T> = (batch: T) => void | boolean | Promise<void | boolean>;

/**
 * A factor of 1 on every position along `axis` of one input of a layer, the same in all its calls in which that has such an axis: turned
 * to 0, it takes the position away.
 */
export interface Gate {
  /** Path. */
  readonly layer: string;
  /** Which of its inputs. */
  readonly input: number;
  readonly axis: number;
}

export type OptimizerName = 'adam' | 'momentum';

/** What an optimizer has learnt of the gradients, in the shapes of the weights: one map of arrays for each number it keeps per weight. */
export interface Moments {
  readonly optimizer: OptimizerName;
  /** Updates made so far. */
  readonly steps: number;
  readonly slots: readonly Checkpoint['weights'][];
}

/** Two layers whose outputs shall be alike; they must be of one shape. Of a layer that is called several times the last call counts. */
export interface FeaturePair {
  /** Path. */
  readonly student: string;
  /** Path; default: that of the student. */
  readonly teacher?: string;
  /** Factor on the mean squared error, which is added to the loss. */
  readonly weight: number;
}

/** A model to learn from; it stays as it is. */
export interface Teacher {
  readonly model: Checkpoint;
  /** Share in [0, 1] of the teacher in the loss; the rest is the task's. Default: 0.5. */
  readonly weight?: number;
  /** Both models' logits are divided by it before they are compared. Default: 4. */
  readonly temperature?: number;
  readonly features?: readonly FeaturePair[];
}

/** Units, and the weights that make them. */
export interface UnitWeights {
  /** Number of units. */
  readonly units: number;
  /** Weight axes; for each position the index of its unit, or -1. */
  readonly sites: readonly {
    readonly layer: string;
    readonly weight: number;
    readonly axis: number;
    readonly members: Int32Array;
  }[];
}

/** Adds `strength` times the sum over units of the L2 norm of what makes them, times the root of its size, to the loss. */
export interface GroupLasso {
  readonly kind: 'groupLasso';
  readonly strength: number;
  readonly groups: readonly UnitWeights[];
}

/** Adds half of a growing factor times the sum of squares of what makes the units: 0 at first, `delta` more every so many steps. */
export interface Growing {
  readonly kind: 'growing';
  readonly delta: number;
  readonly every: number;
  readonly ceiling: number;
  readonly groups: readonly UnitWeights[];
}

export interface FitOptions {
  /** Shown in the progress. */
  readonly label?: string;
  readonly epochs: number;
  readonly batchSize?: number;
  /** Peak rate; follows half a cosine to zero over all steps. */
  readonly learningRate?: number;
  readonly optimizer?: OptimizerName;
  /**
   * Goes on with what the optimizer knew at the end of the training before, if that was asked to carry too; units that were
   * cut since are cut from it as well. Default: a fresh optimizer.
   */
  readonly carry?: boolean;
  /** Fraction (0, 1] of the training examples used, drawn once by the seed, class by class where labels are classes. */
  readonly fraction?: number;
  /** Stop when the validation loss has not improved for so many epochs. */
  readonly patience?: number;
  /** Keep the weights of the best validation epoch rather than the last; default: where there is a validation split. */
  readonly restoreBest?: boolean;
  /** Strength of the L1 penalty on every BatchNormalization gamma (Network Slimming). */
  readonly l1?: number;
  /** Factor on `l1` over the run: training progress in [0, 1] to a factor. */
  readonly anneal?: (progress: number) => number;
  /** What to learn from beside the targets. */
  readonly teacher?: Teacher;
  /** A penalty on whole units. */
  readonly regularize?: GroupLasso | Growing;
  /** Draws batches by domains; default: every example once an epoch. */
  readonly loading?: DynamicLoading;
}

/** What a student learns of texts that it wrote together with a teacher, see {@link ImitateOptions}. */
export interface OnPolicyLoss {
  readonly kind: 'reverseKl';
  /** Share of the teacher in what the texts are drawn from, in [0, 1]. */
  readonly mix: number;
  /** Also what follows a token, not its own distribution alone. */
  readonly longTerm: boolean;
  /** How far a policy ratio may move from 1 and still be paid for. */
  readonly clip: number;
  /** Divide what follows a token by its length. */
  readonly lengthNormalization: boolean;
}

/** Learning of a causal language model from texts that are written meanwhile, behind the beginnings of training examples. */
export interface ImitateOptions {
  /** Shown in the progress. */
  readonly label: string;
  readonly teacher: Checkpoint;
  /** Likelihood of what the teacher alone wrote, or the reverse divergence. */
  readonly loss: { readonly kind: 'sequence' } | OnPolicyLoss;
  /** Factor on the loss of the task on as many training examples, which is added. */
  readonly languageModel: number;
  /** How often texts are written, and how many; each is learnt from for so many epochs. */
  readonly rounds: number;
  readonly texts: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly optimizer: OptimizerName;
  /** Tokens of a training example to begin with, and to write behind them at most. */
  readonly prompt: number;
  readonly length: number;
  /** Tokens that end a text. */
  readonly stop: readonly number[];
}

/** Units that share what decides over them, and how many of them shall stay. */
export interface ShearMask {
  /** Masks of one kind are held to their targets together. */
  readonly kind: string;
  readonly units: number;
  readonly keep: number;
  /** Where the units are read; for each position the index of its unit, or -1. */
  readonly gates: readonly (Gate & { readonly members: Int32Array })[];
}

/** Training of a model together with masks over its units, until as many are open as shall stay. */
export interface ShearOptions {
  /** Shown in the progress. */
  readonly label: string;
  readonly masks: readonly ShearMask[];
  readonly steps: number;
  /** Share of the steps over which the targets come into force. */
  readonly warmup: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Of the locations of masks, and of the multipliers that hold them to their targets. */
  readonly maskRate: number;
  readonly loading?: DynamicLoading;
}

/** Training batches from domains, more of those on which the model has lost most. */
export interface DynamicLoading {
  /** Of the domains, in the order of their numbers. */
  readonly names: readonly string[];
  /** Of each training and of each validation example, the number of its domain. */
  readonly train: ArrayLike<number>;
  readonly validation: ArrayLike<number>;
  /** Of each domain the mean loss to be reached. */
  readonly reference: readonly number[];
  /** Shares in the batches at first; default: of the training examples. */
  readonly shares?: readonly number[];
  /** Steps between two looks at the validation examples. */
  readonly every: number;
  /** Whether a domain below its reference counts as one at it. */
  readonly clip: boolean;
}

export interface Abilities {
  readonly data: {
    readonly train: Split;
    /** Mean over the validation split, or over the training split where there is none; of some of its examples where they are named. */
    evaluate(model: Checkpoint, examples?: Int32Array): Promise<Score>;
    /** Mean over training data, on the examples that `observe` shows. */
    sample(model: Checkpoint, options?: ObserveOptions): Promise<Score>;
    /** BatchNormalization statistics measured anew by forward passes only. */
    recalibrate(model: Checkpoint, options?: RecalibrateOptions): Promise<Checkpoint>;
    /** Shows `see`, batch by batch, what layers are given; all models run on the same batches. */
    observe(watched: readonly Watched[], see: See<readonly Observed[]>, options?: ObserveOptions): Promise<void>;
  };
  /** All in inference mode (moving statistics, no dropout), so that examples do not mix. */
  readonly gradients: {
    /** Shows `see`, batch by batch, the gradient of the mean loss with respect to every trainable weight, in the shapes of the weights; others are all zero. */
    weights(model: Checkpoint, see: See<Checkpoint['weights']>, options?: ObserveOptions): Promise<void>;
    /** Shows `see`, batch by batch and gate by gate, the gradient of each example's own loss with respect to the gate: `[batch, positions]`. */
    gates(
      model: Checkpoint,
      gates: readonly Gate[],
      see: See<readonly NdArray[]>,
      options?: ObserveOptions,
    ): Promise<void>;
  };
  readonly training: {
    fit(model: Checkpoint, options: FitOptions): Promise<Checkpoint>;
    imitate(model: Checkpoint, options: ImitateOptions): Promise<Checkpoint>;
    /** Gives the trained model, unmasked, and for each unit of each mask how surely it stays: the larger, the surer. */
    shear(
      model: Checkpoint,
      options: ShearOptions,
    ): Promise<{ readonly model: Checkpoint; readonly scores: readonly Float64Array[] }>;
  };
}

/** One step of long work: `done` of `total`; `detail` is for people. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly detail?: string;
  /** Of an epoch of training: its mean loss and, where there is a validation split, the scores on that. */
  readonly epoch?: Epoch;
  /** Of a stream that was turned to its principal directions: the sum of squares along each over the places observed, the largest first. */
  readonly energies?: readonly number[];
}

export interface Epoch {
  readonly loss: number;
  readonly validation?: Score;
}

/** Proof that a slice is exact: the largest relative difference between the sliced and the masked model on probe inputs. */
export interface Certificate {
  readonly error: number;
  readonly tolerance: number;
  readonly probes: number;
}

/** A step that was taken back, and why. */
export interface Undone {
  readonly method: string;
  /** For people. */
  readonly reason: string;
  readonly before: Score;
  readonly after: Score;
}

export interface BaseContext {
  /** The model that the run began with. */
  readonly original: Checkpoint;
  /** Of the training data, where there is any: sizes that the model leaves open count as theirs. */
  readonly example?: InputSizes;
  readonly seed: number;
  readonly signal?: AbortSignal;
  log(message: string): void;
  progress(event: Progress): void;
  /** Records a stage of the report: cost and, with data, accuracy of `model` under `name`. */
  stage(name: string, model: Checkpoint): Promise<void>;
  /**
   * Runs both models on probe inputs.
   * @throws PruneError `not-exact` when they differ by more than the tolerance, which is 1e-5 unless their arithmetic differs.
   */
  certify(place: string, masked: Checkpoint, sliced: Checkpoint, tolerance?: number): Promise<Certificate>;
  /**
   * Runs all models on the current backend, in turns, so that a machine that slows down slows them alike.
   * @throws PruneError `bad-option`, `aborted`.
   */
  time(place: string, models: readonly Checkpoint[], options?: TimeOptions): Promise<Times>;
  /** Records what a step removed from `model`, so that the plan speaks of the original model. */
  removed(step: RemovedStep, model: Checkpoint): void;
  /** Steps taken back so far; a list that grows. */
  readonly undone: readonly Undone[];
  /** Looks where the run stands; what it gives takes back all that was told since (stages, cuts, certificates), and tells why. */
  mark(): (undone: Undone) => void;
  /** What `make` gave when it was first asked for `name`, in a run that was resumed too. */
  recall(name: string, make: () => Promise<Score>): Promise<Score>;
  /**
   * What `run` makes of `model`; where the same run got so far before it was stopped, what it made then, and nothing runs.
   * Only steps without steps inside are kept. A method that hears what its parts tell takes steps from them (`unkept`).
   */
  step(name: string, model: Checkpoint, run: () => Promise<Checkpoint>): Promise<Checkpoint>;
}

/** A residual block that is gone. */
export interface RemovedBlock {
  readonly name: string;
  /** Paths of the Adds of its branches. */
  readonly branches: readonly string[];
  /** Paths of the layers that went with it. */
  readonly layers: readonly string[];
}

/** A stream that was turned to a basis of its own and cut to the first directions: no unit of it is one of the original model. */
export interface TurnedStream {
  /** Path of the first norm that reads it. */
  readonly name: string;
  /** Dimensions. */
  readonly before: number;
  readonly after: number;
}

/** Units that one step removed: for each site the positions that stay, in terms of the model before the step. */
export interface RemovedStep {
  readonly groups: readonly {
    readonly name: string;
    readonly kind: string;
    readonly units: number;
    readonly removed: readonly number[];
    readonly frozen?: string;
  }[];
  readonly sites: readonly {
    readonly layer: string;
    readonly weight: number;
    readonly axis: number;
    readonly role: string;
    readonly kept: readonly number[];
  }[];
  /** Blocks that went whole, in this order, and before any unit of the step. */
  readonly blocks?: readonly RemovedBlock[];
  /** Streams that were turned: what the step did cannot be told in positions of the model before it. */
  readonly turned?: readonly TurnedStream[];
  /** Where a clock had a say in it. */
  readonly measured?: readonly Measured[];
}

export type Context<N extends Need = never> = BaseContext & Pick<Abilities, N>;

/** A `step` that keeps nothing. */
export function unkept(_name: string, _model: Checkpoint, run: () => Promise<Checkpoint>): Promise<Checkpoint> {
  return run();
}
