/** Coupled structures of a language model, by how the loss answers to them. */
import { global, stepRatio, uniform, type Budget } from '../budgets';
import { checkKeyword, checkNumber, checkRatio } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { coupled, type CoupledOptions } from '../criteria';
import { blocks } from '../graph/blocks';
import type { Group } from '../graph/group';
import { loraTune, type LoraTuneOptions } from './lora';
import { chain, repeat, type Method } from './method';
import { prune } from './prune';

const granularities = ['block', 'channel'] as const;
const scopes = ['local', 'global'] as const;

export interface LlmPrunerOptions extends Pick<CoupledOptions, 'on' | 'aggregate' | 'examples'> {
  /**
   * Fraction in [0, 1) to remove. local: of the units of every group; global: of the parameters that go with the units of all groups.
   */
  readonly ratio: number;
  /** block (default): what lies inside one block, heads and neurons. channel: what runs through them, the dimensions of the stream. */
  readonly granularity?: (typeof granularities)[number];
  /** local (default): every group alike. global: lowest score per parameter first, wherever it is. */
  readonly scope?: (typeof scopes)[number];
  /** Blocks at the beginning and at the end that stay whole; default: an eighth and a sixteenth of them, rounded up. */
  readonly protectFirst?: number;
  readonly protectLast?: number;
  /** Cuts, each scored anew; default: 1. */
  readonly steps?: number;
  /** Training by corrections of low rank afterwards; default: none. */
  readonly recover?: LoraTuneOptions;
}

/**
 * Removes the coupled structures that matter least to the loss, heads with the query heads that share them and neurons, or dimensions of the
 * stream, from blocks in the middle; then recovers by LoRA.
 * Paper: Ma et al. 2023, LLM-Pruner, 2305.11627; protected blocks as its scripts have them (4 and 2 of 32).
 * Differs: see {@link coupled}; global ranking counts parameters, where the reference code counts a head as one neuron.
 * @throws PruneError `bad-ratio`, `bad-option`, also when run for a model of too few blocks; `bad-data`, `not-exact`, `aborted`.
 */
export function llmPruner(options: LlmPrunerOptions): Method<'gradients' | 'training'> {
  const { ratio, granularity = 'block', scope = 'local', steps = 1, recover, on, aggregate, examples } = options;
  checkRatio('llmPruner', ratio);
  checkKeyword('llmPruner', 'granularity', granularity, granularities);
  checkKeyword('llmPruner', 'scope', scope, scopes);
  for (const name of ['protectFirst', 'protectLast'] as const) {
    const count = options[name];
    if (count !== undefined) checkNumber('llmPruner', name, count, { least: 0, integer: true });
  }
  const criterion = coupled({ on, aggregate, examples });
  const budget = budgetOf(scope, stepRatio(ratio, steps));
  const cut: Method<'gradients'> = {
    name: `prune(${criterion.name})`,
    needs: criterion.needs,
    settings: options,
    run: (model, context) =>
      prune({ criterion, budget, groups: chosen(model, granularity, options) }).run(model, context),
  };
  const cuts = repeat<'gradients' | 'training'>(steps, () => cut);
  const whole = recover ? chain<'gradients' | 'training'>(cuts, loraTune(recover)) : cuts;
  return { ...whole, name: 'llmPruner', paper: criterion.paper };
}

function budgetOf(scope: (typeof scopes)[number], ratio: number): Budget {
  const minimum = 1;
  return scope === 'local' ? uniform({ ratio, minimum }) : global({ ratio, minimum, per: 'parameters' });
}

/** Groups inside one block that is not protected, or those that are in none. */
function chosen(
  model: Checkpoint,
  granularity: (typeof granularities)[number],
  { protectFirst, protectLast }: Pick<LlmPrunerOptions, 'protectFirst' | 'protectLast'>,
): (group: Group) => boolean {
  const all = blocks(model).blocks.map(({ layers }) => new Set(layers));
  const holderOf = ({ sites }: Group): number => all.findIndex(own => sites.every(({ layer }) => own.has(layer)));
  if (granularity === 'channel') return group => group.kind === 'dimensions' && holderOf(group) < 0;
  const [first, last] = [protectFirst ?? Math.ceil(all.length / 8), protectLast ?? Math.ceil(all.length / 16)];
  if (first + last >= all.length) throw tooFew(all.length, first, last);
  return group => {
    const block = holderOf(group);
    return block >= first && block < all.length - last;
  };
}

function tooFew(count: number, first: number, last: number): PruneError {
  return new PruneError('bad-option', {
    place: 'llmPruner',
    expected: `more blocks than the ${first} first and ${last} last that are protected`,
    got: String(count),
    cure: 'Lower protectFirst and protectLast, down to 0.',
  });
}
