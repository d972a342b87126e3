/** Residual branches, and the blocks that they form: what can be skipped as a whole. */
import { join, nameOf, leaves, isContainer, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import { ruleOf } from '../rules';
import { add } from '../rules/merge';
import { signatureOf, type BranchCalls } from './signature';
import {
  callKey,
  downstream,
  functionalModels,
  linksOf,
  tensorKey,
  upstream,
  type Container,
  type Links,
  type Reference,
} from './links';
import type { Call } from './ledger';
import { trace } from './trace';

/** An Add whose one input is a stream and whose other input is computed from that stream, and read by nobody else. */
export interface Branch {
  /** Path of the Add. */
  readonly name: string;
  /** Which input of the Add is the stream. */
  readonly stream: 0 | 1;
  /** Path of the normalization behind the Add that goes with it. */
  readonly norm?: string;
  /** Paths of the layers called on the way, then of the Add and of the norm. */
  readonly layers: readonly string[];
  /** Name of the smallest branch that holds this one. */
  readonly inside?: string;
}

/** Branches that follow each other on one stream. */
export interface Block {
  /** Names of its branches, joined by "+". */
  readonly name: string;
  readonly branches: readonly Branch[];
  readonly layers: readonly string[];
}

/** An Add that ends no branch. */
export interface Unfit {
  readonly name: string;
  /** For people. */
  readonly reason: string;
}

export interface Blocks {
  /** Every branch is in one of them. */
  readonly blocks: readonly Block[];
  /** Each branch as a block of its own. */
  readonly branches: readonly Block[];
  readonly unfit: readonly Unfit[];
}

/**
 * What of `model` can be skipped: a branch whose Add is called once, with inputs of one shape, and of which nothing else
 * reads anything. The normalization behind the Add goes with it where the stream comes in from a normalization already
 * and the branch does not begin with one (post-norm); elsewhere it stays.
 * Branches in a row form a block where the row is one pattern over and over (mixing, feed-forward, mixing,
 * feed-forward, ...), or where a nested model is nothing but the row; else each is a block of its own. Blocks in a nested
 * model that is called several times go in all its calls.
 * @throws PruneError `no-rule`, `bad-model`.
 */
export function blocks(model: Checkpoint): Blocks {
  const { calls } = trace(model);
  const found = functionalModels(model.topology).map(container => blocksIn(container, calls));
  return {
    blocks: found.flatMap(({ blocks }) => blocks),
    branches: found.flatMap(({ branches }) => branches),
    unfit: found.flatMap(({ unfit }) => unfit),
  };
}

/** A branch with what only the search needs. */
interface Found extends BranchCalls {
  readonly branch: Branch;
  /** What leaves it, behind the norm. */
  readonly out: string;
}

function blocksIn(container: Container, calls: readonly Call[]): Blocks {
  const links = linksOf(container.topology);
  const found: Found[] = [];
  const unfit: Unfit[] = [];
  for (const spec of container.topology.config.layers) {
    if (ruleOf(spec.className) !== add) continue;
    const name = join(container.path, nameOf(spec));
    const branch = branchAt(spec, name, container, links, calls);
    if (typeof branch === 'string') unfit.push({ name, reason: branch });
    else found.push(branch);
  }
  const placed = inOrder(found, calls).map(one => ({ ...one, branch: { ...one.branch, ...holder(one, found) } }));
  const chains = chainsOf(placed);
  return {
    blocks: chains.flatMap(chain => grouped(chain, container, links)),
    branches: placed.map(one => blockOf([one])),
    unfit,
  };
}

/** The branch that ends in the Add of `spec`, or why there is none. */
function branchAt(
  spec: LayerSpec,
  name: string,
  container: Container,
  links: Links,
  calls: readonly Call[],
): Found | string {
  const nodes = spec.inboundNodes ?? [];
  if (nodes.length !== 1) return `it is called ${nodes.length} times, and a block has one Add of its own`;
  if (nodes[0].length !== 2) return `it adds ${nodes[0].length} inputs, not two`;
  const end = callKey([nameOf(spec), 0]);
  const stream = streamOf(nodes[0], links);
  if (stream === undefined) return 'neither of its inputs is computed from the other';
  const [from, to] = [nodes[0][stream], nodes[0][1 - stream]];
  const inside = downstream(links, callKey(from), upstream(links, [callKey(to)], callKey(from)));
  const leak = leakOf(inside, end, links);
  if (leak !== undefined) return leak;
  const own = calls.filter(({ layer }) => layer === name);
  const odd = own.find(({ inputs: [a, b] }) => String(a.shape) !== String(b.shape));
  if (odd)
    return `its inputs are of the shapes ${odd.inputs.map(({ shape }) => `[${shape.map(size => size ?? '?').join(', ')}]`).join(' and ')}`;
  const norm = normBehind({ end, from, inside, stream, own }, links, calls);
  const layers = [...pathsOf(inside, container, links), name, ...(norm ? [join(container.path, norm)] : [])];
  const branch = { name, stream, ...(norm && { norm: join(container.path, norm) }), layers };
  return { branch, from, to, inside, out: tensorKey([norm ?? nameOf(spec), 0, 0]) };
}

function streamOf([a, b]: readonly Reference[], links: Links): 0 | 1 | undefined {
  const [first, second] = [callKey(a), callKey(b)];
  if (first === second) return undefined;
  if (upstream(links, [second]).has(first)) return 0;
  return upstream(links, [first]).has(second) ? 1 : undefined;
}

function leakOf(inside: ReadonlySet<string>, end: string, { calls, readers, outputs }: Links): string | undefined {
  for (const key of inside) {
    const name = nameOf(calls.get(key)!.spec);
    if (outputs.has(key)) return `"${name}" of its branch leaves the model`;
    const other = readers.get(key)?.find(reader => reader !== end && !inside.has(reader));
    if (other !== undefined) return `"${name}" of its branch is read by "${nameOf(calls.get(other)!.spec)}" too`;
  }
  return undefined;
}

interface Ending {
  readonly end: string;
  readonly from: Reference;
  readonly inside: ReadonlySet<string>;
  readonly stream: 0 | 1;
  /** The calls of the Add, one for each call of its container. */
  readonly own: readonly Call[];
}

/** Name of the normalization that takes the sum, and the sum alone, back to what the stream was. */
function normBehind(
  { end, from, inside, stream, own }: Ending,
  { calls, readers, outputs }: Links,
  traced: readonly Call[],
): string | undefined {
  const [reader, ...others] = readers.get(end) ?? [];
  if (reader === undefined || others.length > 0 || outputs.has(end)) return undefined;
  const { spec } = calls.get(reader)!;
  if (!normalizes(spec) || spec.inboundNodes?.length !== 1) return undefined;
  const first = (readers.get(callKey(from)) ?? []).filter(key => inside.has(key));
  if (first.some(key => normalizes(calls.get(key)!.spec))) return undefined;
  const normalised = own.every(({ inputs }) =>
    traced.some(({ rule, outputs }) => rule.normalizes === true && outputs.includes(inputs[stream])),
  );
  return normalised ? nameOf(spec) : undefined;
}

function normalizes({ className }: LayerSpec): boolean {
  return ruleOf(className)?.normalizes === true;
}

function pathsOf(inside: ReadonlySet<string>, { path, topology }: Container, { calls }: Links): readonly string[] {
  const called = new Set([...inside].map(key => calls.get(key)!.spec));
  return topology.config.layers
    .filter(spec => called.has(spec))
    .flatMap(spec => {
      const at = join(path, nameOf(spec));
      return isContainer(spec) ? leaves(spec, at).map(leaf => leaf.path) : [at];
    });
}

function holder({ branch }: Found, all: readonly Found[]): { readonly inside?: string } {
  const around = all.filter(({ branch: other }) => other !== branch && other.layers.includes(branch.name));
  const smallest = around.sort((a, b) => a.inside.size - b.inside.size)[0];
  return smallest ? { inside: smallest.branch.name } : {};
}

/** As they run: a config may list a block before the one whose stream it goes on. */
function inOrder(found: readonly Found[], calls: readonly Call[]): readonly Found[] {
  const places = new Map([...calls.keys()].reverse().map(place => [calls[place].layer, place]));
  const placeOf = ({ branch }: Found): number => places.get(branch.name) ?? calls.length;
  return [...found].sort((a, b) => placeOf(a) - placeOf(b));
}

/** Rows of branches, each of which is the only one to go on where the one before ends. */
function chainsOf(found: readonly Found[]): readonly (readonly Found[])[] {
  const outs = new Set(found.map(({ out }) => out));
  const after = new Map<string, readonly Found[]>();
  for (const one of found) {
    const at = tensorKey(one.from);
    after.set(at, [...(after.get(at) ?? []), one]);
  }
  const next = (at: string): Found | undefined => (after.get(at)?.length === 1 ? after.get(at)![0] : undefined);
  return found
    .filter(({ from }) => !outs.has(tensorKey(from)) || next(tensorKey(from)) === undefined)
    .map(first => {
      const chain = [first];
      for (let one = next(first.out); one !== undefined; one = next(one.out)) chain.push(one);
      return chain;
    });
}

function grouped(chain: readonly Found[], container: Container, links: Links): readonly Block[] {
  const size = periodOf(chain.map(one => signatureOf(one, links))) ?? (isWhole(chain, container) ? chain.length : 1);
  return Array.from({ length: chain.length / size }, (_, i) => blockOf(chain.slice(i * size, (i + 1) * size)));
}

/** Length of the pattern that `signs` repeats; undefined where there is none. */
function periodOf(signs: readonly string[]): number | undefined {
  for (let size = 1; size <= signs.length / 2; size++) {
    if (signs.length % size === 0 && signs.every((sign, i) => sign === signs[i % size])) return size;
  }
  return undefined;
}

/** Whether a nested model with one input and one output is the chain and nothing else. */
function isWhole(chain: readonly Found[], { path, topology }: Container): boolean {
  const { inputLayers = [], outputLayers = [] } = topology.config;
  if (path === '' || inputLayers.length !== 1 || outputLayers.length !== 1) return false;
  return tensorKey(chain[0].from) === tensorKey(inputLayers[0]) && chain[chain.length - 1].out === tensorKey(outputLayers[0]); // prettier-ignore
}

function blockOf(chain: readonly Pick<Found, 'branch'>[]): Block {
  const branches = chain.map(({ branch }) => branch);
  const layers = [...new Set(branches.flatMap(branch => branch.layers))];
  return { name: branches.map(({ name }) => name).join('+'), branches, layers };
}
