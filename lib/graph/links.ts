/** How the calls of one container are linked: who reads what. Nested models count as one layer. */
import { isContainer, join, nameOf, type InboundNode, type LayerSpec, type Topology } from '../core/checkpoint';
import { firstNode } from './trace';

/** One tensor: layer, call, and which of its outputs. */
export type Reference = InboundNode[number] | readonly [string, number, number];

/** One call of a layer, or an InputLayer. */
export interface LinkedCall {
  readonly spec: LayerSpec;
  /** As references count it. */
  readonly node: number;
  readonly inputs: InboundNode;
}

export interface Links {
  /** By {@link callKey}. */
  readonly calls: ReadonlyMap<string, LinkedCall>;
  /** For each call the keys of those that read it. */
  readonly readers: ReadonlyMap<string, readonly string[]>;
  /** Keys of the calls that leave the container. */
  readonly outputs: ReadonlySet<string>;
}

/** A model in which layers call each other by name: the outermost, or a nested one. */
export interface Container {
  readonly path: string;
  readonly topology: Topology;
}

/** Every functional model in `topology`, the outer ones first. */
export function functionalModels(topology: Topology, path = ''): readonly Container[] {
  const own = topology.config.inputLayers ? [{ path, topology }] : [];
  const inner = topology.config.layers.filter(isContainer);
  return [...own, ...inner.flatMap(spec => functionalModels(spec, join(path, nameOf(spec))))];
}

export function linksOf({ config: { layers, outputLayers = [] } }: Topology): Links {
  const calls = new Map<string, LinkedCall>();
  const readers = new Map<string, string[]>();
  for (const spec of layers) {
    const first = firstNode(spec);
    const nodes = spec.inboundNodes?.length ? spec.inboundNodes : [[]];
    nodes.forEach((inputs, i) => calls.set(callKey([nameOf(spec), first + i]), { spec, node: first + i, inputs }));
  }
  for (const [key, { inputs }] of calls) {
    for (const from of new Set(inputs.map(callKey))) readers.set(from, [...(readers.get(from) ?? []), key]);
  }
  return { calls, readers, outputs: new Set(outputLayers.map(callKey)) };
}

export function callKey([name, node]: readonly [string, number, ...unknown[]]): string {
  return `${name}:${node}`;
}

/** Tells one tensor from another. */
export function tensorKey([name, node, tensor]: Reference): string {
  return `${name}:${node}:${tensor}`;
}

/** The calls that `from` waits for, itself among them; what only `without` needs is not looked for. */
export function upstream({ calls }: Links, from: Iterable<string>, without?: string): ReadonlySet<string> {
  return reach(from, key => (key === without ? [] : (calls.get(key)?.inputs ?? []).map(callKey)));
}

/** Those of `among` that read `from`, directly or through others of them. */
export function downstream({ readers }: Links, from: string, among: ReadonlySet<string>): ReadonlySet<string> {
  const readersOf = (key: string): readonly string[] => (readers.get(key) ?? []).filter(reader => among.has(reader));
  return reach(readersOf(from), readersOf);
}

/** `from`, and all that `next` leads to from there. */
function reach(from: Iterable<string>, next: (key: string) => readonly string[]): ReadonlySet<string> {
  const found = new Set(from);
  const waiting = [...found];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    for (const other of next(key)) {
      if (found.has(other)) continue;
      found.add(other);
      waiting.push(other);
    }
  }
  return found;
}
