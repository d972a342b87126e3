/** SliceGPT: streams turned to their principal directions, and cut to the first of them. */
import { checkAborted, checkKeyword, checkNumber, checkRatio } from '../core/check';
import type { NdArray } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import { madeBy, type Context, type Observed, type ObserveOptions, type Split } from '../core/context';
import { symmetricEigen } from '../core/eigen';
import { PruneError } from '../core/errors';
import { gram, type Gram } from '../core/gram';
import { randomOrthogonal } from '../core/linalg';
import { random } from '../core/random';
import { exampleSizes } from '../core/shapes';
import { openStreams, type OpenedStream, type OpenedStreams } from '../edit/openStreams';
import { mask, slice } from '../edit/slice';
import { turnStream } from '../edit/turn';
import { macsFor, parametersOf } from '../graph/cost';
import type { Trace } from '../graph/ledger';
import type { Unit } from '../rules/rule';
import type { Method } from './method';
import { paddingIn, paddingLayer } from './padding';

const orientations = ['pca', 'random'] as const;
const measures = ['stream', 'normed'] as const;

export interface SliceGptOptions extends ObserveOptions {
  /** Fraction of the dimensions of every stream that goes, in [0, 1): the nominal slicing. Far fewer parameters may go, or none. */
  readonly ratio: number;
  /** What is left of a stream is rounded down to a multiple of this; default 8. At a ratio of 0 nothing is rounded. */
  readonly multipleOf?: number;
  /** pca: the directions of most energy stay. random: any, as a baseline. Default: pca. */
  readonly orientation?: (typeof orientations)[number];
  /**
   * stream: directions are those of what flows, so that long vectors count more. normed: of what the norm behind makes of it, to which all
   * places are alike. Default: stream; with `shared` normed, as later streams are longer than earlier ones.
   */
  readonly measure?: (typeof measures)[number];
  /** One basis for all streams: no shortcuts, so that a cut saves what it says, but the directions fit each stream less. Default false. */
  readonly shared?: boolean;
  /** The last stream, which the head reads, is cut as well; always so where all streams are one. Default false, as in the paper's code. */
  readonly sliceHead?: boolean;
  /** Examples, that is texts, per batch; default 8. */
  readonly batchSize?: number;
}

/**
 * Turns what flows between the blocks of a transformer, stream by stream from the input on, to its principal directions on training data,
 * measured in double precision on the model as it is cut so far, and keeps the first of them. Scales and shifts of norms go into the
 * layers behind them, for LayerNorms the mean into the layers before; norms go on to divide by the old width; tied embeddings are
 * untied. Between two streams a Dense layer without bias, `..._shortcut`, takes one basis to the other beside the branch. Certifies that the turned
 * model computes what `model` does, within 1e-3, and the cut one what the turned one does with the cut directions masked.
 * Paper: Ashkboos et al. 2024, 2401.15024, section 3; with `measure: 'stream'` as in the paper's code.
 * Differs: the code takes the mean out of the embeddings of every model, which changes those with RMSNorm; it turns what is kept at random
 * for quantization in the end. Behind post-norm blocks shortcuts hold the scale and the shift of the norm, and so have a bias.
 * @throws PruneError `bad-ratio`, `bad-option`; when run `no-groups` where no stream can be turned, `empty-group`, `bad-weights`,
 * `not-exact`, `aborted`.
 */
export function sliceGpt(options: SliceGptOptions): Method<'data'> {
  const { ratio, multipleOf = 8, orientation = 'pca', shared = false, batches = 16, batchSize = 8 } = options;
  const { measure = shared ? 'normed' : 'stream' } = options;
  checkRatio('sliceGpt', ratio);
  checkNumber('sliceGpt', 'multipleOf', multipleOf, { least: 1, integer: true });
  checkKeyword('sliceGpt', 'orientation', orientation, orientations);
  checkKeyword('sliceGpt', 'measure', measure, measures);
  checkNumber('sliceGpt', 'batches', batches, { least: 1, integer: true });
  checkNumber('sliceGpt', 'batchSize', batchSize, { least: 1, integer: true });
  return {
    name: `sliceGpt(${orientation})`,
    paper: 'Ashkboos 2024, 2401.15024',
    needs: ['data'],
    settings: options,
    async run(model, context) {
      const opened = openStreams(model, { apart: !shared });
      const cuts = cutsOf(opened, { ratio, multipleOf, sliceHead: options.sliceHead });
      const turned = cuts.map(({ stream: { name, units }, kept }) => ({ name, before: units.length, after: kept }));
      context.removed({ groups: [], sites: [], turned }, model);
      const { model: whole, removed } = await turnAll(
        opened,
        cuts,
        { orientation, measure, batches, batchSize },
        context,
      );
      await context.certify('sliceGpt, turned', model, whole, 1e-3);
      const sliced = slice(whole, opened.traced, removed);
      await context.certify('sliceGpt', mask(whole, opened.traced, removed), sliced);
      context.log(account([model, sliced], turned, opened.streams.length, context.data.train));
      await context.stage('sliced', sliced);
      return sliced;
    },
  };
}

interface Cut {
  readonly stream: OpenedStream;
  /** How many dimensions stay. */
  readonly kept: number;
}

function cutsOf(
  { streams }: OpenedStreams,
  { ratio, multipleOf, sliceHead = false }: Pick<SliceGptOptions, 'ratio' | 'sliceHead'> & { multipleOf: number },
): readonly Cut[] {
  const meant = sliceHead || streams.length === 1 ? streams : streams.slice(0, -1);
  const open = meant.filter(({ problem }) => problem === undefined);
  if (open.length === 0) throw noStreams(streams);
  return open.map(stream => {
    const { length } = stream.units;
    // Rounding must not take a dimension more than the ratio says.
    const left = Math.floor((1 - ratio) * length + 1e-9);
    const kept = ratio === 0 ? length : left - (left % multipleOf);
    if (kept === 0) throw emptied(stream, multipleOf);
    return { stream, kept };
  });
}

interface Observing extends ObserveOptions {
  readonly measure: (typeof measures)[number];
}

/** Every stream turned in its turn, and the units that are to go. */
async function turnAll(
  { model, traced }: OpenedStreams,
  cuts: readonly Cut[],
  { orientation, ...observing }: Pick<SliceGptOptions, 'orientation'> & Observing,
  context: Context<'data'>,
): Promise<{ readonly model: Checkpoint; readonly removed: ReadonlySet<Unit> }> {
  const removed = new Set<Unit>();
  let whole = model;
  for (const [done, { stream, kept }] of cuts.entries()) {
    checkAborted('sliceGpt', context.signal);
    const { length } = stream.units;
    let detail = `${stream.name}, ${kept} of ${length}`;
    let basis: Float64Array;
    let energies: readonly number[] | undefined;
    if (orientation === 'random') {
      basis = randomOrthogonal(length, random(context.seed, 'sliceGpt', stream.name).normal);
    } else {
      const seen = await energyOf(slice(whole, traced, removed), traced, stream, observing, context);
      const { values, vectors } = principal(seen, stream);
      const total = values.reduce((sum, value) => sum + value, 0);
      const lost = values.subarray(kept).reduce((sum, value) => sum + value, 0) / (total || 1);
      detail += `, ${(100 * Math.max(lost, 0)).toPrecision(3)} % of the energy lost`;
      basis = vectors;
      energies = [...values];
    }
    whole = turnStream(whole, traced, stream, basis);
    for (const unit of stream.units.subarray(kept)) removed.add(unit);
    context.progress({
      stage: 'slice streams',
      done: done + 1,
      total: cuts.length,
      detail,
      ...(energies && { energies }),
    });
  }
  return { model: whole, removed };
}

/** Sums of products of the dimensions of `stream` over all places that count. */
async function energyOf(
  model: Checkpoint,
  traced: Trace,
  { norms, units }: OpenedStream,
  { measure, ...options }: Observing,
  { data, log }: Context<'data'>,
): Promise<Gram> {
  const readers = norms.filter((call, i) => norms.findIndex(({ inputs }) => inputs[0] === call.inputs[0]) === i);
  const layers = [...new Set(readers.map(({ layer }) => layer))];
  const padded = paddingLayer(traced);
  const products = gram(units.length);
  const see = ([seen]: readonly Observed[]): void => {
    const mask = paddingIn(seen, padded);
    for (const layer of layers) {
      for (const [held] of seen.get(measure === 'stream' ? layer : madeBy(layer))!) addPlaces(products, held, mask);
    }
  };
  const masked = padded === undefined ? [] : [padded];
  const watched = measure === 'stream' ? { layers: [...layers, ...masked] } : { layers: masked, makers: layers };
  await data.observe([{ model, ...watched }], see, options);
  if (products.count < units.length) {
    log(`${layers[0]}: ${products.count} places are too few for ${units.length} directions; pass more data`);
  }
  return products;
}

function addPlaces(products: Gram, { data, shape }: NdArray, mask: NdArray | undefined): void {
  const size = shape[shape.length - 1];
  const counts = mask?.data.length === data.length / size ? mask.data : undefined;
  for (let place = 0; place * size < data.length; place++) {
    if (counts?.[place] !== 0) products.add(data.subarray(place * size, (place + 1) * size));
  }
}

function principal(products: Gram, { name, units: { length } }: OpenedStream) {
  const matrix = new Float64Array(length * length);
  for (let i = 0; i < length; i++) for (let j = 0; j <= i; j++) matrix[i * length + j] = products.at(i, j);
  const found = symmetricEigen(matrix, length);
  if (found !== undefined) return found;
  throw new PruneError('bad-weights', {
    place: `sliceGpt, stream of "${name}"`,
    expected: 'activations that are numbers',
    got: 'NaN or infinity',
    cure: 'Look for NaN in the weights, and for data that makes the model overflow.',
  });
}

/** Nominal slicing, and what is really gone. */
function account(
  [model, sliced]: readonly [Checkpoint, Checkpoint],
  turned: readonly { readonly before: number; readonly after: number }[],
  streams: number,
  { inputs }: Split,
): string {
  const change = (before = NaN, after = NaN): string =>
    Number.isNaN(after / before) ? 'not known' : `${(100 * (after / before - 1)).toFixed(1)} %`;
  const total = (of: 'before' | 'after'): number => turned.reduce((sum, stream) => sum + stream[of], 0);
  const parameters = change(parametersOf(model.weights), parametersOf(sliced.weights));
  const [before, after] = [model, sliced].map(each => macsFor(exampleSizes(inputs), each));
  const macs = change(before, after);
  const nominal = change(total('before'), total('after'));
  return `sliced ${turned.length} of ${streams} streams: dimensions ${nominal}, parameters ${parameters}, MACs ${macs}`;
}

function noStreams(streams: readonly OpenedStream[]): PruneError {
  const reasons = streams.flatMap(({ name, problem }) => (problem ? [`that of "${name}": ${problem}`] : []));
  const none = streams.length === 0 ? 'no norm along the last axis' : 'only the stream that the head reads';
  return new PruneError('no-groups', {
    place: 'sliceGpt',
    expected: 'at least one stream that can be turned',
    got: reasons.length > 0 ? `none (${reasons.join('; ')})` : none,
    cure: 'Streams lie between linear layers, sums and norms; whatever else touches them keeps them as they are.',
  });
}

function emptied({ name, units }: OpenedStream, multipleOf: number): PruneError {
  return new PruneError('empty-group', {
    place: `sliceGpt, stream of "${name}"`,
    expected: 'at least one dimension to stay',
    got: `none of ${units.length}, in multiples of ${multipleOf}`,
    cure: 'Lower ratio or multipleOf.',
  });
}
