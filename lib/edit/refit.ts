/** One layer that lost inputs, fitted anew so that it gives what it gave before. */
import { gather, type NdArray } from '../core/array';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { Observed, Watched } from '../core/context';
import { regression, type Fit } from '../core/linalg';
import { random } from '../core/random';
import type { Call, Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import type { RowReader, Rows } from '../rules/arithmetic';
import { absorb } from './absorb';
import { arithmeticOf } from './constants';
import { gainBias } from './gainedBias';
import type { PlanSite } from './plan';

export interface Repair {
  /** mean: only what is added; leastSquares: the kernel too. */
  readonly kind: 'mean' | 'leastSquares';
  /** A layer without a bias gains one where nothing behind it can take what is missing. */
  readonly addBias: boolean;
  /** Places looked at per example for leastSquares. */
  readonly places: number;
  readonly ridge: number;
  readonly seed: number;
}

/** A layer that multiplies by a kernel some of whose inputs went. */
export interface Reader {
  readonly layer: string;
  readonly rows: Rows;
  /** Positions of its old outputs that are still there. */
  readonly outputs: readonly number[];
}

/** Shows what the layers of two models are given for the same batches. */
export type Observe = (watched: readonly Watched[], see: (batch: readonly Observed[]) => void) => Promise<void>;

/** The layers of `cut` that lost inputs, in the order of running. `sites` say what `cut` has kept of `before`. */
export function readersToRepair(before: Checkpoint, cut: Checkpoint, sites: readonly PlanSite[]): readonly Reader[] {
  const { calls, sites: axes } = trace(cut);
  const readers = new Map<string, Reader>();
  for (const call of calls) {
    const { layer } = call;
    const rows = arithmeticOf(call)?.rows;
    if (rows === undefined) continue;
    const keptAlong = (axis: number): PlanSite | undefined =>
      sites.find(site => site.layer === layer && site.weight === rows.kernel && site.axis === axis);
    const reads = axes.find(site => site.layer === layer && site.weight === rows.kernel && site.role === 'reads');
    if (reads === undefined || keptAlong(reads.axis) === undefined) continue;
    const { shape } = weightsOf(before, layer)[rows.kernel];
    const outputs = keptAlong(shape.length - 1)?.kept ?? [...Array(shape[shape.length - 1]).keys()];
    readers.set(layer, { layer, rows, outputs });
  }
  return [...readers.values()];
}

/**
 * `cut` with the biases and means of `before` where a layer differs in nothing else. What folding has moved there would be
 * made good twice: a layer without a bias is looked at before it reaches what makes up for it.
 */
export function unfolded(before: Checkpoint, cut: Checkpoint, sites: readonly PlanSite[]): Checkpoint {
  const moves = new Map(
    trace(cut)
      .sites.filter(({ parameter }) => parameter === 'bias' || parameter === 'mean')
      .map(({ layer, weight }) => [layer, weight]),
  );
  const weights = new Map(cut.weights);
  for (const [layer, now] of cut.weights) {
    const then = sites
      .filter(site => site.layer === layer)
      .reduce<readonly NdArray[]>(
        (arrays, { weight, axis, kept }) => arrays.map((a, i) => (i === weight ? gather(a, axis, kept) : a)),
        weightsOf(before, layer),
      );
    const changed = now.filter((array, i) => !equal(array, then[i]));
    if (changed.length === 1 && changed[0] === now[moves.get(layer) ?? -1]) weights.set(layer, then);
  }
  return { ...cut, weights };
}

function equal(a: NdArray, b: NdArray | undefined): boolean {
  return b !== undefined && a.data.length === b.data.length && a.data.every((value, i) => value === b.data[i]);
}

/** `cut` with the reader fitted; a `reason` says why it was left as it is. */
export async function repairReader(
  before: Checkpoint,
  cut: Checkpoint,
  reader: Reader,
  repair: Repair,
  observe: Observe,
): Promise<{ readonly model: Checkpoint; readonly reason?: string }> {
  const traced = trace(cut);
  const old = sideOf(before, trace(before), reader, reader.outputs);
  const now = sideOf(cut, traced, reader);
  const { layer } = reader;
  const found = repair.kind === 'mean' ? meanFit(reader, old, now) : sampledFit(reader, old, now, repair);
  const watched = [before, cut].map(model => ({ model, layers: [layer] }));
  await observe(watched, ([then, today]) => {
    then.get(layer)!.forEach(([given], call) => found.add(given, today.get(layer)![call][0]));
  });
  const fit = found.solve(true);
  const absorbed = absorb(cut, traced, layer, fit.intercept);
  if ('model' in absorbed) return { model: withSlopes(absorbed.model, reader, fit) };
  if (repair.addBias) return { model: withSlopes(gainBias(cut, layer, reader.rows.bias, fit.intercept), reader, fit) };
  if (repair.kind === 'mean') return { model: cut, reason: absorbed.reason };
  return { model: withSlopes(cut, reader, found.solve(false)) };
}

/** The layer in one of the two models. */
interface Side {
  readonly call: Call;
  readonly weights: readonly NdArray[];
  /** `[inputs, outputs]` */
  readonly kernel: ArrayLike<number>;
  readonly bias?: ArrayLike<number>;
  readonly outputs: number;
}

function sideOf(model: Checkpoint, { calls, sites }: Trace, { layer, rows }: Reader, kept?: readonly number[]): Side {
  const weights = weightsOf(model, layer);
  const bias = sites.find(site => site.layer === layer && site.parameter === 'bias');
  const cut = (array: NdArray): NdArray => (kept ? gather(array, array.shape.length - 1, kept) : array);
  const kernel = cut(weights[rows.kernel]);
  return {
    weights,
    call: calls.find(call => call.layer === layer)!,
    kernel: kernel.data,
    bias: bias && cut(weights[bias.weight]).data,
    outputs: kernel.shape[kernel.shape.length - 1],
  };
}

/** What is to be added to the kernel, and to what the layer gives, in the light of all that was added. */
interface Fitting {
  /** A batch of what the layer was given before the cut, and is given now. */
  add(before: NdArray, now: NdArray): void;
  solve(intercept: boolean): Fit;
}

/** From what the layer reads now, and what is missing from what it gives, at some places of every example. */
function sampledFit({ layer, rows }: Reader, old: Side, now: Side, { places, ridge, seed }: Repair): Fitting {
  const sums = regression(now.kernel.length / now.outputs, now.outputs);
  const { integer } = random(seed, 'repair', layer);
  const missing = new Float64Array(now.outputs);
  return {
    add(before, input) {
      const [then, today] = [rowsOf(rows, old, before), rowsOf(rows, now, input)];
      const [wanted, x] = [new Float64Array(then.length), new Float64Array(today.length)];
      for (let example = 0; example < input.shape[0]; example++) {
        for (let i = 0; i < Math.min(places, today.places); i++) {
          const place = today.places <= places ? i : integer(today.places);
          then.read(example, place, wanted);
          today.read(example, place, x);
          missing.fill(0);
          addProduct(missing, wanted, old, 1);
          addProduct(missing, x, now, -1);
          sums.add(x, missing);
        }
      }
    },
    solve: intercept => sums.solve({ ridge, intercept }),
  };
}

/** What is missing on average, over all places, which is the product of the means. */
function meanFit({ rows }: Reader, old: Side, now: Side): Fitting {
  const sums = [old, now].map(side => ({ side, total: new Float64Array(side.kernel.length / side.outputs), count: 0 }));
  return {
    add(...inputs) {
      sums.forEach((sum, i) => {
        const { length, places, read } = rowsOf(rows, sum.side, inputs[i]);
        const row = new Float64Array(length);
        for (let at = 0; at < inputs[i].shape[0] * places; at++) {
          read(Math.floor(at / places), at % places, row);
          for (let j = 0; j < length; j++) sum.total[j] += row[j];
        }
        sum.count += inputs[i].shape[0] * places;
      });
    },
    solve() {
      const intercept = new Float64Array(now.outputs);
      for (const { side, total, count } of sums) {
        addProduct(intercept, total.map(value => value / count), side, side === old ? 1 : -1); // prettier-ignore
      }
      return { slopes: new Float64Array(), intercept };
    },
  };
}

function rowsOf({ of }: Rows, { call: { config }, weights }: Side, input: NdArray): RowReader {
  return of({ config, weights, input });
}

function addProduct(sum: Float64Array, row: Float64Array, { kernel, bias, outputs }: Side, sign: 1 | -1): void {
  for (let o = 0; bias && o < outputs; o++) sum[o] += sign * bias[o];
  for (let i = 0; i < row.length; i++) {
    if (row[i] === 0) continue; // often, after a ReLU
    const x = sign * row[i];
    for (let o = 0, at = i * outputs; o < outputs; o++, at++) sum[o] += x * kernel[at];
  }
}

function withSlopes(model: Checkpoint, { layer, rows }: Reader, { slopes }: Fit): Checkpoint {
  if (slopes.length === 0) return model;
  const arrays = weightsOf(model, layer).map((array, i) =>
    i === rows.kernel ? { ...array, data: Float32Array.from(array.data, (value, at) => value + slopes[at]) } : array,
  );
  return { ...model, weights: new Map(model.weights).set(layer, arrays) };
}
