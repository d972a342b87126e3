/** Learning from texts that the student or its teacher writes. */
import { checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Context, ImitateOptions, OnPolicyLoss, OptimizerName } from '../core/context';
import type { Method } from './method';

export interface SequenceDistillOptions {
  /** As `capture` gives it; default: the model that the run began with. */
  readonly teacher?: Checkpoint;
  /** How often texts are written anew. */
  readonly rounds: number;
  /** Texts per round; default: 64. */
  readonly texts?: number;
  /** How often a round's texts are learnt from; default: 1 for sequences, 4 for miniLlm. */
  readonly epochs?: number;
  /** Default: 16. */
  readonly batchSize?: number;
  /** Peak rate, default: 1e-4. */
  readonly learningRate?: number;
  /** Default: adam. */
  readonly optimizer?: OptimizerName;
  /** Tokens at the beginning of a training example that a text goes on from; default: 8. */
  readonly prompt?: number;
  /** Tokens to write behind them at most; default: 64. */
  readonly length?: number;
  /** Tokens that end a text; default: none. */
  readonly stop?: readonly number[];
  /** Factor on the task's own loss on as many training examples; default: 0 for sequences, 1 for miniLlm. */
  readonly languageModel?: number;
}

/**
 * Trains a causal language model on texts that its teacher wrote, behind the beginnings of training examples.
 * Paper: Kim & Rush 2016, 1606.07947, section 3.2. Differs: texts are drawn, not searched by beams.
 * @throws PruneError `bad-option`; when run, `bad-data`, `aborted`.
 */
export function sequenceDistill(options: SequenceDistillOptions): Method<'training'> {
  return imitation('sequenceDistill', 'Kim 2016, 1606.07947', options, { kind: 'sequence' }, { epochs: 1, languageModel: 0 }); // prettier-ignore
}

export interface MiniLlmOptions extends SequenceDistillOptions {
  /** Share of the teacher in what texts are drawn from, in [0, 1]; default: 0.2. */
  readonly mix?: number;
  /** Also what follows a token counts, by clipped policy gradients; without, it is on-policy distillation by reverse divergence. Default: true. */
  readonly longTerm?: boolean;
  /** How far the ratio of the student's new to its old probability may move from 1, in (0, 1]; default: 0.2. */
  readonly clip?: number;
  /** What follows a token is divided by its length, so that short texts are no way out; default: true. */
  readonly lengthNormalization?: boolean;
}

/**
 * Makes the student write as its teacher would: lowers the Kullback-Leibler divergence of the teacher from the student on texts that the
 * student writes itself, with a share of the teacher, so that it keeps to what it can say rather than spreading over all that the teacher
 * could. Any pruned causal language model; the teacher is the model that the run began with unless another is given.
 * Paper: Gu et al. 2023, MiniLLM, 2306.08543, algorithm 1: single-step term, teacher-mixed sampling, length normalisation, clipping, and the
 * language-modelling loss. Differs: texts go on from training examples, no instructions; rewards are neither scaled, discounted nor whitened,
 * as in the paper and unlike its code.
 * For the forward divergence on the data's own texts, take `distill({ weight: 1, temperature: 1 })`.
 * @throws PruneError `bad-option`; when run, `bad-data`, `aborted`.
 */
export function miniLlm({
  mix = 0.2,
  longTerm = true,
  clip = 0.2,
  lengthNormalization = true,
  ...options
}: MiniLlmOptions): Method<'training'> {
  checkNumber('miniLlm', 'mix', mix, { least: 0, most: 1 });
  checkNumber('miniLlm', 'clip', clip, { above: 0, most: 1 });
  const loss: OnPolicyLoss = { kind: 'reverseKl', mix, longTerm, clip, lengthNormalization };
  return imitation('miniLlm', 'Gu 2023, 2306.08543', options, loss, { epochs: 4, languageModel: 1 });
}

function imitation(
  name: string,
  paper: string,
  options: SequenceDistillOptions,
  loss: ImitateOptions['loss'],
  defaults: Pick<ImitateOptions, 'epochs' | 'languageModel'>,
): Method<'training'> {
  const { teacher, ...given } = options;
  const settings = {
    texts: 64,
    batchSize: 16,
    learningRate: 1e-4,
    optimizer: 'adam' as const,
    prompt: 8,
    length: 64,
    stop: [],
    ...defaults,
    ...given,
  };
  check(name, settings);
  return {
    name,
    paper,
    needs: ['training'],
    settings: { ...settings, loss, teacher },
    async run(model: Checkpoint, context: Context<'training'>) {
      const { training, original } = context;
      const imitated = await training.imitate(model, { ...settings, loss, label: name, teacher: teacher ?? original });
      await context.stage('imitated', imitated);
      return imitated;
    },
  };
}

function check(place: string, settings: Omit<ImitateOptions, 'label' | 'teacher' | 'loss'>): void {
  for (const name of ['rounds', 'texts', 'epochs', 'batchSize', 'prompt', 'length'] as const) {
    checkNumber(place, name, settings[name], { least: 1, integer: true });
  }
  checkNumber(place, 'learningRate', settings.learningRate, { above: 0 });
  checkNumber(place, 'languageModel', settings.languageModel, { least: 0 });
}
