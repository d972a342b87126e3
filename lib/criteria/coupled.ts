/** What the loss does without all weights of a coupled structure, to first and second order. */
import { sumAlong, type NdArray } from '../core/array';
import { checkKeyword, checkNumber } from '../core/check';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { Context } from '../core/context';
import { membersAt, type Group } from '../graph/group';
import type { Site } from '../graph/ledger';
import { checkAggregate, combine, type Aggregate } from './aggregate';
import type { Criterion } from './criterion';
import { checkNormalize, normalized, type Normalize } from './normalize';
import { productsAlong } from './weightSums';

const keywords = ['vector', 'element1', 'element2'] as const;

export interface CoupledOptions {
  /**
   * vector: the size of the sum of w g over a slice. element1 (default): the sum of the sizes of w g. element2: the sum of the sizes of
   * w g - w^2 F / 2, where F is the mean over examples of the square of the gradient, and g its mean.
   */
  readonly on?: (typeof keywords)[number];
  /** Over the weights of the structure; last: the one that is run last. Default: sum. */
  readonly aggregate?: Aggregate | 'last';
  /** Examples to take gradients of; default: 32. */
  readonly examples?: number;
  /** Default: none. */
  readonly normalize?: Normalize;
}

/**
 * The importance of a unit over everything that would go with it: the slices of every weight that makes or reads it, and norms between.
 * A head counts with all its positions, and a key/value head with those of the query heads that it serves.
 * Paper: Ma et al. 2023, LLM-Pruner, 2305.11627, section 3.2, equations 3 to 5.
 * Differs: each unit is credited with its own positions in every weight, where the reference code folds query heads onto key/value heads out
 * of step; positions are summed before weights are aggregated; the 1/2 of the second-order term stays; biases count.
 * @throws PruneError `bad-option`; when run, `bad-model` for layers without a gradient, `aborted`.
 */
export function coupled({
  on = 'element1',
  aggregate = 'sum',
  examples = 32,
  normalize = 'none',
}: CoupledOptions = {}): Criterion<'gradients'> {
  checkKeyword('coupled', 'on', on, keywords);
  const combined = aggregate === 'last' ? lastOf : aggregate;
  checkAggregate('coupled', combined);
  checkNumber('coupled', 'examples', examples, { least: 1, integer: true });
  checkNormalize('coupled', normalize);
  return {
    name: `coupled ${on}`,
    paper: 'Ma 2023, 2305.11627',
    needs: ['gradients'],
    settings: { on, aggregate, examples, normalize },
    async score(groups, model, context) {
      const salient = await saliences(on, model, examples, context);
      return groups.map(group => {
        const values = unitScores(group, salient, combined);
        return normalized({ values }, normalize, group);
      });
    },
  };
}

const lastOf = (scores: readonly number[]): number => scores[scores.length - 1];

/** Measured, not learnt. */
const STATISTICS: readonly string[] = ['mean', 'variance'];

/** For each position of a site its score. */
type Salience = (site: Site) => Float64Array;

function unitScores(group: Group, salient: Salience, aggregate: Aggregate): Float64Array {
  const found = group.units.map((): number[] => []);
  for (const site of group.sites.filter(({ parameter }) => !STATISTICS.includes(parameter))) {
    const sums = new Map<number, number>();
    const scores = salient(site);
    membersAt(group, site).forEach((member, position) => {
      if (member >= 0) sums.set(member, (sums.get(member) ?? 0) + scores[position]);
    });
    for (const [member, sum] of sums) found[member].push(sum);
  }
  return Float64Array.from(found, scores => combine(scores, aggregate));
}

/** Each weight axis is gone through once, however many groups meet in it. */
async function saliences(
  on: (typeof keywords)[number],
  model: Checkpoint,
  examples: number,
  context: Context<'gradients'>,
): Promise<Salience> {
  const { mean, squares } = await meanGradients(model, examples, on === 'element2', context);
  const known = new Map<string, Float64Array>();
  return ({ layer, weight, axis }) => {
    const key = `${layer}:${weight}:${axis}`;
    let scores = known.get(key);
    if (!scores) {
      const array = weightsOf(model, layer)[weight];
      const gradient = mean.get(layer)![weight];
      scores =
        on === 'vector'
          ? productsAlong(array, gradient, axis, 1).map(Math.abs)
          : sumAlong({ shape: array.shape, data: changes(array, gradient, squares?.get(layer)![weight]) }, axis, 1);
      known.set(key, scores);
    }
    return scores;
  };
}

/** What the loss does without each weight: w g, and to second order - w^2 F / 2. */
function changes({ data }: NdArray, gradient: Float64Array, square?: Float64Array): Float64Array {
  return gradient.map((slope, i) => data[i] * slope - (square ? (data[i] ** 2 * square[i]) / 2 : 0));
}

type Arrays = ReadonlyMap<string, readonly Float64Array[]>;

/** Over examples; squares are of each example's own gradient, so that examples which pull apart count. */
async function meanGradients(
  model: Checkpoint,
  examples: number,
  wantSquares: boolean,
  { gradients, progress }: Context<'gradients'>,
): Promise<{ readonly mean: Arrays; readonly squares?: Arrays }> {
  const batchSize = wantSquares ? 1 : Math.min(examples, 8);
  const batches = Math.ceil(examples / batchSize);
  const zeros = (): Arrays =>
    new Map([...model.weights].map(([layer, all]) => [layer, all.map(({ data }) => new Float64Array(data.length))]));
  const [mean, squares] = [zeros(), wantSquares ? zeros() : undefined];
  let seen = 0;
  const see = (batch: Checkpoint['weights']): void => {
    seen += 1;
    progress({ stage: 'coupled', done: seen, total: batches });
    for (const [layer, arrays] of batch) {
      arrays.forEach(({ data }, weight) => {
        const [sum, square] = [mean.get(layer)![weight], squares?.get(layer)![weight]];
        for (let i = 0; i < data.length; i++) {
          sum[i] += data[i];
          if (square) square[i] += data[i] ** 2;
        }
      });
    }
  };
  await gradients.weights(model, see, { batches, batchSize });
  return { mean: scaled(mean, 1 / seen), ...(squares && { squares: scaled(squares, 1 / seen) }) };
}

function scaled(all: Arrays, factor: number): Arrays {
  return new Map([...all].map(([layer, arrays]) => [layer, arrays.map(array => array.map(value => value * factor))]));
}
