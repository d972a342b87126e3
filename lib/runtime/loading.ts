/** Which examples come next, where the domains that have lost most come more often. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { DynamicLoading, Split } from '../core/context';
import { PruneError } from '../core/errors';
import { random, type Random } from '../core/random';
import type { Splits } from './data';
import { score } from './evaluate';
import type { LossTerm } from './loss';

/** So that no domain ever dries up. */
const LEAST = 1e-4;

/**
 * Shares of domains in the next batches: softmax of the logarithm of the shares plus how far each loss is above its reference, then a little
 * of everything. Paper: Xia et al. 2023, Sheared LLaMA, 2310.06694, algorithm 1.
 * @param clip As the paper has it, a domain below its reference counts as one at it; its code does without.
 */
export function updateShares(
  shares: readonly number[],
  losses: readonly number[],
  reference: readonly number[],
  clip: boolean,
): number[] {
  const raised = shares.map((share, i) => {
    const above = losses[i] - reference[i];
    return share * Math.exp(clip ? Math.max(0, above) : above);
  });
  const sum = raised.reduce((all, each) => all + each, 0);
  return raised.map(each => (1 - LEAST) * (each / sum) + LEAST / shares.length);
}

/** Draws batches of training examples. */
export interface Loader {
  readonly shares: readonly number[];
  /** The shares, for people. */
  describe(): string;
  next(batchSize: number): Int32Array;
  /** To be called after each step; looks at the validation examples when it is time. */
  advance(): Promise<void>;
}

/** What a loader looks at. */
export interface Looking {
  readonly model: LayersModel;
  readonly splits: Splits;
  readonly terms: readonly LossTerm[];
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** @throws PruneError `bad-option` for domains that do not fit the examples. */
export function createLoader(loading: DynamicLoading, { model, splits, terms, seed, signal }: Looking): Loader {
  const { names, train, validation, reference, shares: first, every, clip } = loading;
  const [examples, seen] = [train, validation].map(domains => membersOf(domains, reference.length));
  requireFit(loading, splits, [examples, seen]);
  const draws = random(seed, 'loading');
  let shares = [...(first ?? examples.map(({ length }) => length / train.length))];
  let steps = 0;
  const orders = examples.map(members => endless(members, draws));
  return {
    get shares() {
      return shares;
    },
    describe: () => `from ${names.map((name, i) => `${name} ${(100 * shares[i]).toFixed(1)} %`).join(', ')}`,
    next: batchSize =>
      Int32Array.from({ length: batchSize }, () => {
        let left = draws.uniform();
        const domain = shares.findIndex(share => (left -= share) < 0);
        return orders[domain < 0 ? shares.length - 1 : domain]();
      }),
    async advance() {
      if (++steps % every > 0) return;
      const losses: number[] = [];
      for (const order of seen) losses.push((await score(model, splits.validation!, terms, { order, signal })).loss);
      shares = updateShares(shares, losses, reference, clip);
    },
  };
}

/** For each domain its examples. */
export function membersOf(domains: ArrayLike<number>, count: number): Int32Array[] {
  const all = Array.from(domains, (domain, example) => ({ domain, example }));
  return Array.from({ length: count }, (_, i) =>
    Int32Array.from(all.filter(({ domain }) => domain === i).map(({ example }) => example)),
  );
}

/** Every member once in an order of its own, then again in another. */
function endless(members: Int32Array, draws: Random): () => number {
  let order = draws.permutation(members.length);
  let at = 0;
  return () => {
    if (at === order.length) [order, at] = [draws.permutation(members.length), 0];
    return members[order[at++]];
  };
}

function requireFit(
  loading: DynamicLoading,
  splits: Splits,
  [examples, seen]: readonly (readonly Int32Array[])[],
): void {
  const sizes = { train: sizeOf(splits.train), validation: splits.validation ? sizeOf(splits.validation) : 0 };
  const wrong = (['train', 'validation'] as const).find(split => loading[split].length !== sizes[split]);
  const empty = examples.findIndex((own, i) => own.length === 0 || seen[i].length === 0);
  if (wrong === undefined && empty < 0) return;
  throw new PruneError('bad-option', {
    place: 'loading',
    expected: wrong
      ? `a domain for each of ${sizes[wrong]} ${wrong} examples`
      : 'examples of every domain in both splits',
    got: wrong ? String(loading[wrong].length) : `none of domain ${empty} in one`,
    cure: 'Give every example the number of its domain, and hold some of each out as data.validation.',
  });
}

const sizeOf = ({ inputs }: Split): number => inputs[0].shape[0];
