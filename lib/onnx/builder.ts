/** Nodes, weights and constants of a graph in the making; the same calls give the same names. */
import type { NdArray } from '../core/array';
import type { Attribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from './model';

export interface Builder {
  /** The layer that the next nodes are named after. */
  enter(path: string): void;
  /** The name of what a new node gives. */
  node(op: string, inputs: readonly string[], attributes?: OnnxNode['attributes']): string;
  /** The names of all of `count` that it gives. */
  nodes(op: string, inputs: readonly string[], count: number, attributes?: OnnxNode['attributes']): readonly string[];
  /** The weight `key` of the layer, made at its first use and kept once, however often the layer is called. */
  weight(key: string, make: () => NdArray): string;
  /** Constants, each kept once. */
  ints(values: readonly number[], dims?: readonly number[]): string;
  floats(values: readonly number[], dims?: readonly number[]): string;
  doubles(values: readonly number[], dims?: readonly number[]): string;
  float(value: number): string;
  /** A graph inside a node, which sees all that is outside. */
  inner(inputs: readonly OnnxValue[], fill: (builder: Builder) => readonly OnnxValue[]): Attribute;
  /** What `make` returns; at the second time for this key what it returned at the first. */
  once(key: string, make: () => string): string;
  /** `name`, or one like it that is not taken. */
  fresh(name: string): string;
  /** Gives `from` the name under which it leaves the graph. */
  give(name: string, from: string): void;
  graph(name: string, inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): OnnxGraph;
}

/** What the graph and those inside it share. */
interface Shared {
  path: string;
  readonly tensors: Map<string, OnnxTensor>;
  readonly counts: Map<string, number>;
  readonly names: Set<string>;
}

export function builder(): Builder {
  const shared: Shared = { path: '', tensors: new Map(), counts: new Map(), names: new Set() };
  return builderIn(shared, () => [...shared.tensors.values()]);
}

function builderIn(shared: Shared, initializers: () => readonly OnnxTensor[]): Builder {
  const made: OnnxNode[] = [];
  const known = new Map<string, string>();
  const nodes: Builder['nodes'] = (op, inputs, count, attributes = {}) => {
    const name = numbered(shared, `${shared.path}/${op}`);
    const outputs = Array.from({ length: count }, (_, i) => (count === 1 ? name : `${name}:${i}`));
    made.push({ op, name, inputs, outputs, attributes });
    return outputs;
  };
  const once: Builder['once'] = (key, make) => {
    const name = known.get(key) ?? make();
    known.set(key, name);
    return name;
  };
  return {
    enter: path => void (shared.path = path),
    nodes,
    node: (op, inputs, attributes) => nodes(op, inputs, 1, attributes)[0],
    once,
    give: (name, from) => void made.push({ op: 'Identity', name, inputs: [from], outputs: [name], attributes: {} }),
    fresh: name => numbered(shared, name),
    ...constants(shared),
    inner(inputs, fill) {
      const inside = builderIn(shared, () => []); // it sees those outside
      return { graph: inside.graph(numbered(shared, `${shared.path}/body`), inputs, fill(inside)) };
    },
    graph(name, inputs, outputs) {
      const { nodes: alive, read } = readNodes(made, outputs);
      return {
        name,
        nodes: alive,
        initializers: initializers().filter(tensor => read.has(tensor.name)),
        inputs,
        outputs,
      };
    },
  };
}

function constants(shared: Shared): Pick<Builder, 'weight' | 'ints' | 'floats' | 'doubles' | 'float'> {
  const { tensors } = shared;
  const keep = (key: string, make: () => Omit<OnnxTensor, 'name'>): string => {
    if (!tensors.has(key)) tensors.set(key, { name: numbered(shared, key), ...make() });
    return tensors.get(key)!.name;
  };
  const named = (word: string, dims: readonly number[], values: readonly number[]): string =>
    `${word}[${dims.join('x')}] ${values.join(' ')}`;
  const floats: Builder['floats'] = (values, dims = [values.length]) =>
    keep(named('float', dims, values), () => ({ type: 'float32', dims, data: Float32Array.from(values) }));
  return {
    weight: (key, make) =>
      keep(`${shared.path}/${key}`, () => {
        const { shape, dtype, data } = make();
        return { type: dtype, dims: shape, data };
      }),
    ints: (values, dims = [values.length]) =>
      keep(named('int', dims, values), () => ({ type: 'int64', dims, data: BigInt64Array.from(values, BigInt) })),
    doubles: (values, dims = [values.length]) =>
      keep(named('double', dims, values), () => ({ type: 'float64', dims, data: Float64Array.from(values) })),
    floats,
    float: value => floats([value], []),
  };
}

/** `name`, or with a number behind it where it is taken. */
function numbered({ counts, names }: Shared, name: string): string {
  let free: string;
  do {
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    free = count === 0 ? name : `${name}_${count}`;
  } while (names.has(free));
  names.add(free);
  return free;
}

/** Those of which something is read in the end, and all that they read. */
function readNodes(nodes: readonly OnnxNode[], outputs: readonly OnnxValue[]) {
  const read = new Set(outputs.map(({ name }) => name));
  const alive = [...nodes].reverse().filter(node => {
    const isRead = node.outputs.some(name => read.has(name));
    if (isRead) for (const name of namesRead(node)) read.add(name);
    return isRead;
  });
  return { nodes: alive.reverse(), read };
}

function namesRead({ inputs, attributes }: OnnxNode): readonly string[] {
  const inside = Object.values(attributes).flatMap(value => ('graph' in value ? value.graph.nodes : []));
  return [...inputs, ...inside.flatMap(namesRead)];
}
