/** Norms reduced to the length they divide by: scale and shift go into what reads them, the mean into what makes their stream. */
import { centreAlong, scaleAlong } from '../core/along';
import type { NdArray } from '../core/array';
import { mapLeaves, weightsOf, type Checkpoint } from '../core/checkpoint';
import { obstacle, relation, sitesOf, streamsOf, type Stream } from '../graph/streams';
import type { Call, Site, Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { exactly, isExact } from '../rules/arithmetic';
import type { Flow, NormParts } from '../rules/rule';
import { absorb } from './absorb';
import { arithmeticOf, callWith } from './constants';
import { gainBias } from './gainedBias';

export interface FoldedNorms {
  readonly model: Checkpoint;
  /** Norms that stay as they are, by path, and why. */
  readonly left: ReadonlyMap<string, string>;
}

/**
 * `model` with every norm whose parts can go elsewhere reduced to one that commutes with orthogonal maps. It computes the same. A mean is
 * taken out of a stream only where every norm of the stream takes it out, and what reads it otherwise is one of `shortcuts` (identities)
 * into another such stream.
 */
export function foldNorms(model: Checkpoint, shortcuts: ReadonlySet<string>): FoldedNorms {
  const traced = trace(model);
  const streams = streamsOf(traced);
  const norms = new Map(
    streams.flatMap(({ norms: calls }) => calls.map(({ layer }) => [layer, normAt(model, traced, layer)])),
  );
  const centred = centredStreams(traced, streams, norms, shortcuts);
  const left = new Map<string, string>();
  const folded: Norm[] = [];
  for (const stream of streams) {
    for (const layer of new Set(stream.norms.map(call => call.layer))) {
      const norm = norms.get(layer)!;
      const reason = typeof norm === 'string' ? norm : norm.parts.centres ? centred.get(stream) : undefined;
      if (typeof norm === 'string' || reason !== undefined) left.set(layer, reason ?? String(norm));
      else folded.push(norm);
    }
  }
  const free = [...centred].flatMap(([stream, reason]) => (reason === undefined ? [stream] : []));
  return { model: withoutMeans(folded.reduce(foldInto, model), free), left };
}

/** A norm, and what reads what it gives. */
interface Norm {
  readonly layer: string;
  readonly parts: NormParts;
  readonly readers: readonly Reader[];
}

interface Reader {
  readonly layer: string;
  /** The axes along which it reads. */
  readonly sites: readonly Site[];
  /** What the shift of the norm adds to what it gives, before its activation. */
  readonly added: Float64Array;
}

/** The norm taken apart, or what is in the way. */
function normAt(model: Checkpoint, traced: Trace, layer: string): Norm | string {
  const calls = traced.calls.filter(call => call.layer === layer);
  const [{ rule, config, inputs }] = calls;
  const weights = weightsOf(model, layer);
  const parts = rule.normParts!({ config, weights, inputs: inputs.map(({ shape }) => shape) });
  if (parts === undefined) return 'it counts units that are gone, or works along another axis';
  const { flows, readers } = behind(traced, calls);
  const found: Reader[] = [];
  for (const name of new Set(readers.map(call => call.layer))) {
    const own = traced.calls.filter(call => call.layer === name);
    const reader = readerOf(model, traced, own, inputs[0].width, parts);
    if (typeof reader === 'string') return reader;
    if (own.some(call => !call.inputs.every(flow => flows.has(flow)))) return `"${name}" reads something else as well`;
    found.push(reader);
  }
  const leaves = traced.outputs.some(flow => flows.has(flow));
  return leaves ? 'what it gives leaves the model' : { layer, parts, readers: found };
}

/** What `calls` give, also behind layers that hand it on, and the calls that read it. */
function behind({ calls }: Trace, norms: readonly Call[]) {
  const flows = new Set<Flow>(norms.flatMap(({ outputs }) => outputs));
  const readers: Call[] = [];
  for (const call of calls) {
    if (!call.inputs.some(flow => flows.has(flow))) continue;
    const [input] = call.inputs;
    const passes = call.inputs.length === 1 && call.rule.turns?.(call.config) && !call.rule.weights;
    const same = call.outputs.every(({ width }) => relation(input.width, width) === 'all');
    if (passes && same) call.outputs.forEach(flow => flows.add(flow));
    else readers.push(call);
  }
  return { flows, readers };
}

function readerOf(
  model: Checkpoint,
  traced: Trace,
  calls: readonly Call[],
  units: Flow['width'],
  { shift }: NormParts,
): Reader | string {
  const [{ layer, config, inputs }] = calls;
  const own = traced.sites.filter(site => site.layer === layer && site.role === 'reads');
  const sites = own.filter(({ width }) => relation(units, width) === 'all');
  if (sites.length === 0 || inputs.length > 1) return `"${layer}" has no weight for each unit of it`;
  const none = { layer, sites, added: new Float64Array() };
  if (Array.from(shift).every(value => value === 0)) return none;
  const constant = exactly(Float64Array.from(shift));
  const sums = calls.map(call => arithmeticOf(call)?.linear?.(callWith(model, call, () => constant)));
  if (sums.some(sum => !sum?.value.every((_, i) => isExact(sum, i)))) return `"${layer}" has no place for its shift`;
  const isBiased = config.useBias !== false || weightsOf(model, layer).length === 1;
  return isBiased ? { ...none, added: sums[0]!.value } : `"${layer}" has no bias to hold its shift`;
}

/** For every stream of norms that take out the mean, why that cannot be done where the stream is made; undefined where it can. */
function centredStreams(
  traced: Trace,
  streams: readonly Stream[],
  norms: ReadonlyMap<string, Norm | string>,
  shortcuts: ReadonlySet<string>,
): ReadonlyMap<Stream, string | undefined> {
  const centres = (layer: string): boolean => {
    const norm = norms.get(layer)!;
    return typeof norm !== 'string' && norm.parts.centres;
  };
  const normed = behindAll(traced);
  const reasons = new Map<Stream, string | undefined>();
  for (const stream of streams) {
    if (!stream.norms.some(({ layer }) => centres(layer))) continue;
    const other = stream.norms.find(({ layer }) => !centres(layer));
    reasons.set(stream, other ? `"${other.layer}" reads the mean of its stream` : obstacle(traced, stream));
  }
  const isFree = (flow: Flow): boolean =>
    [...reasons].some(([stream, reason]) => reason === undefined && relation(stream.units, flow.width) === 'all');
  const needsMean = (call: Call): boolean =>
    call.rule.normParts === undefined && !(shortcuts.has(call.layer) && call.outputs.every(isFree));
  for (let changed = true; changed;) {
    changed = false;
    for (const stream of streams) {
      if (!reasons.has(stream) || reasons.get(stream) !== undefined) continue;
      const reason = readsOf(traced, stream, normed).find(needsMean)?.layer ?? leavingOf(traced, stream, normed);
      if (reason === undefined) continue;
      reasons.set(stream, `"${reason}" reads the mean of its stream`);
      changed = true;
    }
  }
  return reasons;
}

/** Everything that comes from a norm. */
function behindAll(traced: Trace): ReadonlySet<Flow> {
  return behind(traced, traced.calls.filter(({ rule }) => rule.normParts)).flows; // prettier-ignore
}

/** The calls that take the stream as it is and do not hand it on. */
function readsOf(traced: Trace, stream: Stream, normed: ReadonlySet<Flow>): readonly Call[] {
  const isRaw = (flow: Flow): boolean => !normed.has(flow) && relation(stream.units, flow.width) === 'all';
  const reading = new Set(sitesOf(traced, stream).flatMap(({ layer, role }) => (role === 'reads' ? [layer] : [])));
  const ends = ({ layer, outputs }: Call): boolean => reading.has(layer) || !outputs.some(isRaw);
  return traced.calls.filter(call => call.inputs.some(isRaw) && ends(call));
}

function leavingOf({ outputs, calls }: Trace, { units }: Stream, normed: ReadonlySet<Flow>): string | undefined {
  const leaving = outputs.find(flow => !normed.has(flow) && relation(units, flow.width) === 'all');
  return calls.find(call => leaving && call.outputs.includes(leaving))?.layer;
}

/** Scale and shift into the readers; the core in the place of the norm. */
function foldInto(model: Checkpoint, { layer, parts: { core, scale }, readers }: Norm): Checkpoint {
  const scaled = readers.reduce((changed, reader) => {
    const shifted = withShift(changed, reader);
    return reader.sites.reduce((now, site) => edited(now, site, array => scaleAlong(array, site.axis, scale)), shifted);
  }, model);
  const topology = mapLeaves(scaled.topology, (spec, path) => {
    if (path !== layer) return spec;
    const { name, trainable = true } = spec.config;
    return { ...spec, className: core.className, config: { name, ...core.config, trainable } };
  });
  return { topology, weights: new Map(scaled.weights).set(layer, core.weights) };
}

function withShift(model: Checkpoint, { layer, added }: Reader): Checkpoint {
  if (added.length === 0) return model;
  const { length } = weightsOf(model, layer);
  const biased = length > 1 ? model : gainBias(model, layer, 1, new Float64Array(added.length)); // behind the kernel
  const absorbed = absorb(biased, trace(biased), layer, added);
  if ('model' in absorbed) return absorbed.model;
  throw new Error(`unreachable: ${absorbed.reason}`);
}

/** Whatever makes one of `streams` makes it without a mean. */
function withoutMeans(model: Checkpoint, streams: readonly Stream[]): Checkpoint {
  const traced = trace(model);
  // Units are numbered anew: the norms tell which streams are meant.
  const names = new Set(streams.map(({ name }) => name));
  const sites = streamsOf(traced)
    .filter(({ name }) => names.has(name))
    .flatMap(stream => sitesOf(traced, stream).filter(({ role }) => role === 'makes'));
  return sites.reduce((now, site) => edited(now, site, array => centreAlong(array, site.axis)), model);
}

function edited(model: Checkpoint, { layer, weight }: Site, change: (array: NdArray) => NdArray): Checkpoint {
  const arrays = weightsOf(model, layer).map((array, i) => (i === weight ? change(array) : array));
  return { ...model, weights: new Map(model.weights).set(layer, arrays) };
}
