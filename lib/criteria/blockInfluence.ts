/** How much a block turns its stream. */
import type { NdArray } from '../core/array';
import { sizeOf } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import { madeBy, type Observed, type ObserveOptions } from '../core/context';
import type { Block } from '../graph/blocks';
import { trace } from '../graph/trace';
import type { BlockCriterion } from './blockCriterion';
import { checkCalibration } from './calibration';

/**
 * 1 minus the cosine of the angle between the stream where it enters the block and where it leaves it, along the channels,
 * averaged over positions, examples and calls. Where both are all zero the angle is none, where one is it counts as a right
 * one. Forward passes only; all blocks are ranked at once.
 * Paper: Men et al. 2024, ShortGPT, 2403.03853, equation 1.
 * Differs: the last block is measured on the stream too; the paper's code takes what a final normalization makes of it.
 */
export function blockInfluence(options: ObserveOptions = {}): BlockCriterion<'data'> {
  checkCalibration('blockInfluence', options);
  return {
    name: 'blockInfluence',
    paper: 'Men 2024, 2403.03853',
    needs: ['data'],
    settings: options,
    async score(blocks, model, { data, progress }) {
      const spans = spansOf(blocks, model);
      const sums = spans.map(() => ({ turned: 0, positions: 0 }));
      const layers = [...new Set(spans.flatMap(({ entry, exit }) => [entry, exit]))];
      const makers = [...new Set(spans.flatMap(({ norm }) => norm ?? []))];
      let done = 0;
      const see = ([seen]: readonly Observed[]): void => {
        spans.forEach((span, i) => addTurns(span, seen, sums[i]));
        progress({ stage: 'score blockInfluence', done: ++done, total: options.batches ?? 16 });
      };
      await data.observe([{ model, layers, makers }], see, options);
      return sums.map(({ turned, positions }) => turned / positions);
    },
  };
}

/** Where a stream is seen before and after a block. */
interface Span {
  /** Path of the first Add, and which of its inputs the stream is. */
  readonly entry: string;
  readonly stream: 0 | 1;
  /** Path of the last Add; what it makes of its inputs leaves the block, unless a norm comes behind it. */
  readonly exit: string;
  readonly norm?: string;
  /** Of the channels. */
  readonly axis: number;
}

function spansOf(blocks: readonly Block[], model: Checkpoint): readonly Span[] {
  const axes = new Map(trace(model).calls.map(({ layer, outputs: [flow] }) => [layer, flow?.axis] as const));
  return blocks.map(({ branches }) => {
    const [first, last] = [branches[0], branches[branches.length - 1]];
    return { entry: first.name, stream: first.stream, exit: last.name, norm: last.norm, axis: axes.get(first.name)! };
  });
}

function addTurns(span: Span, seen: Observed, sum: { turned: number; positions: number }): void {
  seen.get(span.entry)!.forEach((given, call) => {
    const after = span.norm === undefined ? added(seen.get(span.exit)![call]) : seen.get(madeBy(span.norm))![call][0];
    const cosines = cosinesAlong(given[span.stream], after, span.axis);
    for (const cosine of cosines) sum.turned += 1 - cosine;
    sum.positions += cosines.length;
  });
}

/** As the Add does it. */
function added([a, b]: readonly NdArray[]): NdArray {
  return { ...a, data: Float32Array.from(a.data, (value, i) => value + b.data[i]) };
}

/** Of each position, the cosine between two arrays of one shape along `axis`. */
export function cosinesAlong(a: NdArray, b: NdArray, axis: number): Float64Array {
  const [length, inner] = [a.shape[axis], sizeOf(a.shape.slice(axis + 1))];
  const cosines = new Float64Array(a.data.length / length);
  for (let position = 0; position < cosines.length; position++) {
    const start = Math.floor(position / inner) * length * inner + (position % inner);
    let [product, own, other] = [0, 0, 0];
    for (let i = 0; i < length; i++) {
      const [x, y] = [a.data[start + i * inner], b.data[start + i * inner]];
      product += x * y;
      own += x * x;
      other += y * y;
    }
    cosines[position] = own === 0 && other === 0 ? 1 : product / (Math.sqrt(own) * Math.sqrt(other) || 1);
  }
  return cosines;
}
