/** Depth: whole residual blocks go, the least important first. */
import { checkAborted, checkKeyword, checkNumber, checkRatio } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Context, Need } from '../core/context';
import { PruneError } from '../core/errors';
import type { BlockCriterion } from '../criteria';
import { named, takeBlocks } from '../edit/blockPlan';
import { removalProblem } from '../edit/remove';
import { blocks, type Block, type Blocks } from '../graph/blocks';
import { dropBlocks } from './dropBlocks';
import type { Method } from './method';

const granularities = ['block', 'branch'] as const;

export interface LayerDropOptions<N extends Need = never> {
  readonly criterion: BlockCriterion<N>;
  /** Fraction of the blocks that may go, in [0, 1); round(ratio * blocks) go. */
  readonly ratio?: number;
  /** Number of blocks to remove, instead of `ratio`. */
  readonly count?: number;
  /** Names of blocks, or paths of layers: blocks that are or hold one of them stay, and do not count. */
  readonly protect?: readonly string[];
  /** block: whole transformer blocks, as far as they show. branch: attention and feed-forward each by itself. Default: block. */
  readonly granularity?: (typeof granularities)[number];
  /** Score what is left anew after each removal; default: as the criterion has it. */
  readonly rescore?: boolean;
}

/**
 * Removes whole residual blocks, one by one, each time the one of the lowest score (of equal ones the first), and certifies
 * that the result is the model that skips them. Of blocks inside blocks the innermost count. What a block is follows from the
 * model that the run began with, so that rounds of one run agree.
 * Papers: Men et al. 2024, ShortGPT, 2403.03853 (blockInfluence, all at once); Song et al. 2024, SLEB, 2402.09025
 * (lossIncrease, one by one); Zhong et al. 2024, BlockPruner, 2406.10594 (the same on branches).
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `no-rule`, `no-groups`, `bad-option` for names that are no block's and
 * for more blocks than there are, `bad-weights`, `not-exact`, `aborted`.
 */
export function layerDrop<N extends Need = never>(options: LayerDropOptions<N>): Method<N> {
  const { criterion, ratio, count, granularity = 'block' } = options;
  checkKeyword('layerDrop', 'granularity', granularity, granularities);
  if ((ratio === undefined) === (count === undefined)) throw oneOfTwo(ratio !== undefined);
  if (ratio !== undefined) checkRatio('layerDrop', ratio);
  if (count !== undefined) checkNumber('layerDrop', 'count', count, { least: 1, integer: true });
  return {
    name: `layerDrop(${criterion.name})`,
    paper: criterion.paper,
    needs: criterion.needs,
    settings: options,
    async run(model, context) {
      const candidates = droppable(model, context.original, options);
      const goal = count ?? Math.round(ratio! * candidates.length);
      if (goal > candidates.length) throw tooMany(goal, candidates);
      const gone = await choose(model, candidates, goal, options, context);
      return gone.length === 0 ? model : dropBlocks('layerDrop', model, takeBlocks(model, named(gone)), context);
    },
  };
}

/** Which `goal` of `candidates` go, in the order of their going. */
async function choose<N extends Need>(
  model: Checkpoint,
  candidates: readonly Block[],
  goal: number,
  { criterion, rescore = criterion.rescore ?? false }: LayerDropOptions<N>,
  context: Context<N>,
): Promise<readonly Block[]> {
  const gone: Block[] = [];
  let current = model;
  let scores = new Map<string, number>();
  while (gone.length < goal) {
    checkAborted('layerDrop', context.signal);
    const here = branchesIn(blocks(current));
    const left = candidates.filter(block => !gone.includes(block)).map(block => asIn(here, block));
    const free = left.filter(({ branches }) => removalProblem(current, branches) === undefined);
    if (free.length === 0) throw stuck(left, current);
    if (rescore || gone.length === 0) scores = await scoresOf(criterion, free, current, context);
    const next = free.reduce((low, block) => (scores.get(block.name)! < scores.get(low.name)! ? block : low));
    gone.push(candidates.find(({ name }) => name === next.name)!);
    current = takeBlocks(current, named([next])).model;
    const detail = `${next.name}, score ${scores.get(next.name)!.toPrecision(4)}`;
    context.progress({ stage: 'drop blocks', done: gone.length, total: goal, detail });
  }
  return gone;
}

async function scoresOf<N extends Need>(
  criterion: BlockCriterion<N>,
  blocks: readonly Block[],
  model: Checkpoint,
  context: Context<N>,
): Promise<Map<string, number>> {
  const scores = await criterion.score(blocks, model, context);
  const bad = blocks.findIndex((_, i) => typeof scores[i] !== 'number' || Number.isNaN(scores[i]));
  if (bad < 0 && scores.length === blocks.length) return new Map(blocks.map(({ name }, i) => [name, scores[i]]));
  throw new PruneError('bad-weights', {
    place: `criterion ${criterion.name}`,
    expected: `${blocks.length} scores that are numbers`,
    got: bad < 0 ? `${scores.length} scores` : `${scores[bad]} for "${blocks[bad].name}"`,
    cure: 'Look for NaN in the weights, and for data that makes the model overflow.',
  });
}

/** The innermost blocks of `model` that are not protected. */
function droppable<N extends Need>(
  model: Checkpoint,
  original: Checkpoint,
  { granularity = 'block', protect = [] }: LayerDropOptions<N>,
): readonly Block[] {
  const table = blocks(model);
  const all = granularity === 'branch' ? table.branches : blocksFrom(model, original);
  const known = new Set(all.flatMap(({ name, branches, layers }) => [name, ...branches.map(b => b.name), ...layers]));
  const unknown = protect.find(name => !known.has(name));
  if (all.length > 0 && unknown !== undefined) throw unknownName(unknown, all);
  const holders = new Set(table.branches.flatMap(({ branches }) => branches.map(({ inside }) => inside)));
  const open = all.filter(
    ({ name, branches, layers }) =>
      !branches.some(branch => holders.has(branch.name)) &&
      !protect.some(word => word === name || layers.includes(word)),
  );
  if (open.length > 0) return open;
  const reasons = table.unfit.map(({ name, reason }) => `"${name}": ${reason}`);
  throw new PruneError('no-groups', {
    place: 'layerDrop',
    expected: 'at least one residual block that may go',
    got: all.length > 0 ? 'protected ones only' : `none${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
    cure: 'A block is an Add of a stream and of what a branch makes of it. Protect fewer of them, or use prune.',
  });
}

/** Blocks as they are in `original`, as far as they are whole in `model`; branches that no such block holds stand as `model` shows them. */
function blocksFrom(model: Checkpoint, original: Checkpoint): readonly Block[] {
  const table = blocks(model);
  if (original === model) return table.blocks;
  const here = branchesIn(table);
  const whole = blocks(original).blocks.filter(block => block.branches.every(({ name }) => here.has(name)));
  const held = new Set(whole.flatMap(block => block.branches.map(({ name }) => name)));
  const rest = table.blocks.filter(block => !block.branches.some(({ name }) => held.has(name)));
  return [...whole.map(block => asIn(here, block)), ...rest];
}

type Branches = ReadonlyMap<string, Block['branches'][number]>;

function branchesIn({ branches }: Pick<Blocks, 'branches'>): Branches {
  return new Map(branches.map(block => [block.name, block.branches[0]]));
}

/** `block` with its branches as they are `here`. */
function asIn(here: Branches, { name, branches }: Block): Block {
  const own = branches.flatMap(branch => here.get(branch.name) ?? []);
  return { name, branches: own, layers: own.flatMap(({ layers }) => layers) };
}

function oneOfTwo(both: boolean): PruneError {
  return new PruneError('bad-option', {
    place: 'layerDrop',
    expected: 'ratio or count',
    got: both ? 'both' : 'neither',
    cure: 'Pass for example ratio: 0.25 for a quarter of the blocks, or count: 2.',
  });
}

function tooMany(goal: number, candidates: readonly Block[]): PruneError {
  return new PruneError('bad-option', {
    place: 'layerDrop',
    expected: `count of at most ${candidates.length}, the number of blocks that may go`,
    got: String(goal),
    cure: 'Lower count, or protect fewer blocks.',
  });
}

function stuck(left: readonly Block[], model: Checkpoint): PruneError {
  const reasons = left.map(({ name, branches }) => `"${name}" would leave ${removalProblem(model, branches)}`);
  return new PruneError('bad-option', {
    place: 'layerDrop',
    expected: 'blocks that can still go',
    got: reasons.join('; '),
    cure: 'Lower ratio or count.',
  });
}

function unknownName(name: string, all: readonly Block[]): PruneError {
  return new PruneError('bad-option', {
    place: 'layerDrop',
    expected: `protect to name blocks, or layers of blocks, such as ${all.slice(0, 3).map(block => block.name).join(', ')}`, // prettier-ignore
    got: `"${name}"`,
    cure: 'Use the names that blocks(checkpoint) gives.',
  });
}
