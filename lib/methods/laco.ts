/** LaCo: blocks in a row become one, as long as what comes out of the last stays similar. */
import { sizeOf, type NdArray } from '../core/array';
import { checkAborted, checkKeyword, checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import { madeBy, type Context, type Observed, type ObserveOptions } from '../core/context';
import { PruneError } from '../core/errors';
import { named, takeBlocks } from '../edit/blockPlan';
import { alike, mergeBlocks, type Combination } from '../edit/mergeBlocks';
import { blocks as blocksOf, type Block } from '../graph/blocks';
import { trace } from '../graph/trace';
import { dropBlocks } from './dropBlocks';
import type { Method } from './method';
import { paddingIn, paddingLayer } from './padding';

const combinations: readonly Combination[] = ['rdsc', 'replaceLast', 'mean'];
const similarities = ['texts', 'places'] as const;

export interface LacoOptions extends ObserveOptions {
  /** T: a merge stays where the similarity to the model before the first is higher, a cosine; none above 1. */
  readonly threshold: number;
  /** C: so many blocks become one; default 2. */
  readonly merge?: number;
  /** L: blocks before this one, counted from 0, are left alone; default 0. */
  readonly lowest?: number;
  /** H: so are this one and those behind it; default: the number of blocks. */
  readonly highest?: number;
  /** I: so many blocks further down the next merge is tried after one that stays; default 1. */
  readonly interval?: number;
  /** rdsc: the first block plus the differences of the others from it. replaceLast: the last block. mean: all alike. Default rdsc. */
  readonly combine?: Combination;
  /** texts: cosines of whole texts, in which long vectors count more. places: of each place. Default texts. */
  readonly similarity?: (typeof similarities)[number];
  /** Default 1. */
  readonly batches?: number;
  /** Examples, that is texts, per batch; default 10. */
  readonly batchSize?: number;
}

/**
 * From the last block down, tries to make `merge` blocks in a row one, and keeps what leaves the vectors that the head reads similar on
 * calibration texts. How much goes follows from `threshold`. Norms are those of the first of the blocks. Certifies that the result is the
 * merged model that skips the others; the plan tells which blocks went, not what the first became.
 * Paper: Yang et al. 2024, 2402.11187, algorithm 1. Differs: `merge` is 2 unless told, as with more unlike blocks rdsc makes weights too
 * large. What the paper's code does is `combine: 'replaceLast'`, as it overwrites the block with each of the others; for two it is the same.
 * @throws PruneError `bad-option`, also when run where no `merge` blocks in a row are of one build; `no-groups` without blocks, `no-rule`,
 * `not-exact`, `aborted`.
 */
export function laco(options: LacoOptions): Method<'data'> {
  const { threshold, merge = 2, lowest = 0, highest, interval = 1, batches = 1, batchSize = 10 } = options;
  const { combine = 'rdsc', similarity = 'texts' } = options;
  checkNumber('laco', 'threshold', threshold);
  checkNumber('laco', 'merge', merge, { least: 1, integer: true });
  checkNumber('laco', 'lowest', lowest, { least: 0, integer: true });
  if (highest !== undefined) checkNumber('laco', 'highest', highest, { least: lowest + merge, integer: true });
  checkNumber('laco', 'interval', interval, { least: 1, integer: true });
  checkKeyword('laco', 'combine', combine, combinations);
  checkKeyword('laco', 'similarity', similarity, similarities);
  checkNumber('laco', 'batches', batches, { least: 1, integer: true });
  checkNumber('laco', 'batchSize', batchSize, { least: 1, integer: true });
  const settled = { threshold, merge, lowest, highest, interval, combine, similarity, batches, batchSize };
  return {
    name: `laco(${combine})`,
    paper: 'Yang 2024, 2402.11187',
    needs: ['data'],
    settings: options,
    async run(model, context) {
      if (merge === 1) return model;
      const { whole, gone } = await mergeDown(model, mergeable(model, settled), settled, context);
      return gone.length === 0 ? model : dropBlocks('laco', whole, takeBlocks(whole, named(gone)), context);
    },
  };
}

type Settled = Required<Omit<LacoOptions, 'highest'>> & Pick<LacoOptions, 'highest'>;

/** Before the blocks are cut out: all of them, with their new weights. */
interface Merged {
  readonly whole: Checkpoint;
  readonly gone: readonly Block[];
}

async function mergeDown(
  model: Checkpoint,
  all: readonly Block[],
  { threshold, merge, lowest, highest = all.length, interval, combine, ...looking }: Settled,
  context: Context<'data'>,
): Promise<Merged> {
  const similarityTo = await compared(model, looking, context);
  let [whole, current, left] = [model, model, all];
  const start = Math.min(highest, all.length) - merge;
  const total = start - lowest + 1;
  let at = start;
  while (at >= lowest) {
    checkAborted('laco', context.signal);
    const [first, ...others] = left.slice(at, at + merge);
    const done = Math.min(total, start - at + 1);
    let [step, detail] = [1, `${first.name}: not of one build with what follows`];
    if (others.length > 0 && alike(current, [first, ...others])) {
      const taken = takeBlocks(mergeBlocks(current, first, others, combine), named(others));
      const similarity = await similarityTo(taken.model);
      const stays = similarity > threshold;
      detail = `${first.name}: similarity ${similarity.toFixed(4)}, ${stays ? `${others.length} gone` : 'left as it is'}`;
      if (stays) {
        whole = mergeBlocks(whole, first, others, combine);
        current = taken.model;
        left = left.filter(block => !others.includes(block));
        step = interval;
      }
    }
    context.progress({ stage: 'merge blocks', done, total, detail });
    // A window must end within what is left.
    at = Math.min(at - step, left.length - merge);
  }
  return { whole, gone: all.filter(block => !left.includes(block)) };
}

/** @throws PruneError where nothing could be merged whatever the threshold. */
function mergeable(model: Checkpoint, { merge, lowest, highest }: Settled): readonly Block[] {
  const { blocks: all, unfit } = blocksOf(model);
  if (all.length === 0) {
    const reasons = unfit.map(({ name, reason }) => `"${name}": ${reason}`).join('; ');
    throw new PruneError('no-groups', {
      place: 'laco',
      expected: 'residual blocks',
      got: reasons === '' ? 'none' : `none (${reasons})`,
      cure: 'A block is an Add of a stream and of what a branch makes of it.',
    });
  }
  const starts = [...all.keys()].filter(
    at => at >= lowest && at + merge <= Math.min(highest ?? all.length, all.length),
  );
  if (starts.some(at => alike(model, all.slice(at, at + merge)))) return all;
  throw new PruneError('bad-option', {
    place: 'laco',
    expected: `${merge} blocks in a row of one build, from block ${lowest} to ${(highest ?? all.length) - 1}`,
    got: `${all.length} blocks, of which no ${merge} are`,
    cure: 'Lower merge or lowest; where widths were cut block by block, merge before.',
  });
}

/** How similar what the head of a model reads is to what that of `model` reads. */
async function compared(
  model: Checkpoint,
  { similarity, ...observing }: Pick<Settled, 'similarity' | 'batches' | 'batchSize'>,
  { data }: Context<'data'>,
): Promise<(other: Checkpoint) => Promise<number>> {
  const traced = trace(model);
  const head = traced.calls.find(({ outputs }) => outputs.includes(traced.outputs[0]))!;
  const padded = paddingLayer(traced);
  // What a norm at the end gives, or what another layer there reads.
  const given = head.rule.normalizes === true;
  const layers = [...(padded === undefined ? [] : [padded]), ...(given ? [] : [head.layer])];
  const look = async (at: Checkpoint, see: (vectors: NdArray, mask: NdArray | undefined) => void): Promise<void> => {
    const seeBatch = ([seen]: readonly Observed[]): void => {
      const calls = seen.get(given ? madeBy(head.layer) : head.layer)!;
      see(calls[calls.length - 1][0], paddingIn(seen, padded));
    };
    await data.observe([{ model: at, layers, ...(given && { makers: [head.layer] }) }], seeBatch, observing);
  };
  const wanted: NdArray[] = [];
  await look(model, vectors => void wanted.push(vectors));
  return async other => {
    const cosines: number[] = [];
    let batch = 0;
    await look(other, (vectors, mask) => cosines.push(...cosinesOf(wanted[batch++], vectors, mask, similarity)));
    return cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
  };
}

/** Text by text or place by place; places that do not count are left out. */
function cosinesOf(
  { shape, data: wanted }: NdArray,
  { data: got }: NdArray,
  mask: NdArray | undefined,
  similarity: Settled['similarity'],
): readonly number[] {
  const size = shape[shape.length - 1];
  const text = sizeOf(shape.slice(1)) / size;
  const counts = mask?.data.length === wanted.length / size ? mask.data : undefined;
  const cosines: number[] = [];
  let [product, own, other] = [0, 0, 0];
  for (let place = 0; place < wanted.length / size; place++) {
    for (let i = place * size; counts?.[place] !== 0 && i < (place + 1) * size; i++) {
      product += wanted[i] * got[i];
      own += wanted[i] ** 2;
      other += got[i] ** 2;
    }
    if (similarity === 'texts' && (place + 1) % text !== 0) continue;
    if (own > 0) cosines.push(product / (Math.sqrt(own * other) || 1));
    [product, own, other] = [0, 0, 0];
  }
  return cosines;
}
