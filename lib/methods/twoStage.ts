/** 2SSP: feed-forward parts become narrower, then whole attentions go. */
import { costTarget, uniform } from '../budgets';
import { checkNumber, checkRatio } from '../core/check';
import { parameterCount, type Checkpoint } from '../core/checkpoint';
import type { ObserveOptions } from '../core/context';
import { PruneError } from '../core/errors';
import { activation, lossIncrease } from '../criteria';
import { blocks, type Block } from '../graph/blocks';
import { parametersOf } from '../graph/cost';
import { layerDrop } from './layerDrop';
import { chain, type Method } from './method';
import { branchesWith, FEED_FORWARD, HEADS, onParts } from './parts';
import { prune } from './prune';

export interface TwoStageOptions extends ObserveOptions {
  /** Fraction in [0, 1) of the parameters of all attention and feed-forward branches, with their norms, that goes. */
  readonly ratio: number;
  /**
   * How much of it are attentions: of L there go round(L * ratio^(r / alpha)), where a feed-forward branch has r times the parameters of an
   * attention. The higher, the more. Default 1.5.
   */
  readonly alpha?: number;
}

/**
 * First every feed-forward part loses the same number of neurons, those of the least L2 norm of what they give over an example,
 * averaged over examples; then attentions go with their norms, one by one, each time the one without which the loss is lowest. Forward passes only.
 * Paper: Sandri et al. 2025, 2SSP, 2501.17771; the number of attentions is its equation 5.
 * Differs: both stages look at the same `batches` (default 16) of `batchSize` (64) examples, there the second at a single one; a norm
 * goes with its attention, and counts; each feed-forward part keeps a neuron.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `no-groups` for a model without branches of either kind, `bad-option` where
 * so many attentions are more than `ratio`, or the neurons too few for the rest; `not-exact`, `aborted`.
 */
export function twoStage({ ratio, alpha = 1.5, ...looking }: TwoStageOptions): Method<'data'> {
  checkRatio(PLACE, ratio);
  checkNumber(PLACE, 'alpha', alpha, { above: 0 });
  const criterion = activation({ statistic: 'l2', ...looking });
  const loss = lossIncrease(looking);
  return {
    name: PLACE,
    paper: criterion.paper,
    needs: ['data'],
    settings: { ratio, alpha, ...looking },
    async run(model, context) {
      const { count, kept, others } = balanced(model, ratio, alpha);
      const budget = costTarget({ parameters: kept, scope: uniform });
      const narrow = onParts(PLACE, [FEED_FORWARD], groups => prune({ criterion, budget, groups }));
      const drop = (): Method<'data'> => layerDrop({ criterion: loss, count, granularity: 'branch', protect: others });
      const both = chain(narrow, ...(count > 0 ? [drop()] : []));
      return both.run(model, context).catch(error => refuseEmptied(error, ratio, count));
    },
  };
}

const PLACE = 'twoStage';

interface Stages {
  /** Attentions that go. */
  readonly count: number;
  /** Fraction of the parameters of the model that the first stage leaves. */
  readonly kept: number;
  /** Names of all branches that are no attention. */
  readonly others: readonly string[];
}

/** Equation 5, and what it leaves to the neurons. */
function balanced(model: Checkpoint, ratio: number, alpha: number): Stages {
  const attentions = branchesWith(PLACE, HEADS, model);
  const forwards = branchesWith(PLACE, FEED_FORWARD, model);
  const both = attentions.find(({ name }) => forwards.some(forward => forward.name === name));
  if (both !== undefined) throw joined(both);
  const names = new Set(attentions.map(({ name }) => name));
  const others = blocks(model).branches.filter(({ name }) => !names.has(name));
  const [attention, forward] = [attentions, forwards].map(all => parametersIn(all, model) / all.length);
  const count = Math.round(attentions.length * ratio ** (forward / attention / alpha));
  const wanted = ratio * parametersIn([...attentions, ...forwards], model);
  const rest = wanted - count * attention;
  if (rest < 0) throw tooManyAttentions(count * attention, wanted);
  const all = parameterCount(model);
  // Half a parameter more, which no neuron is, as a fraction may be a little low.
  const kept = Math.min(1, (Math.round(all - rest) + 0.5) / all);
  return { count, kept, others: others.map(({ name }) => name) };
}

/** A layer that several of `all` share counts once. */
function parametersIn(all: readonly Block[], { weights }: Checkpoint): number {
  const paths = new Set(all.flatMap(({ layers }) => layers));
  return parametersOf(new Map([...weights].filter(([path]) => paths.has(path))));
}

function joined({ name }: Block): PruneError {
  return new PruneError('no-groups', {
    place: PLACE,
    expected: 'attentions in residual branches of their own',
    got: `"${name}", which is a feed-forward part too`,
    cure: 'Take layerDrop for whole blocks, ffnPruning and headPruning for what is in them.',
  });
}

function tooManyAttentions(gone: number, wanted: number): PruneError {
  return new PruneError('bad-option', {
    place: PLACE,
    expected: `attentions that have no more than the ${Math.round(wanted)} parameters that shall go`,
    got: String(Math.round(gone)),
    cure: 'Lower alpha, or raise ratio.',
  });
}

/** The budget of the first stage does not know the options of both. */
function refuseEmptied(error: unknown, ratio: number, count: number): never {
  if (!(error instanceof PruneError && error.code === 'empty-group')) throw error;
  throw new PruneError('bad-option', {
    place: PLACE,
    expected: `${ratio} of the parameters to go with ${count} attentions, and neurons of which each layer keeps one`,
    got: 'too few neurons',
    cure: 'Raise alpha, or lower ratio.',
  });
}
