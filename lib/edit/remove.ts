/** Removal of whole residual blocks: the stream goes past them. */
import {
  join,
  leaves,
  nameOf,
  type Checkpoint,
  type InboundNode,
  type LayerSpec,
  type Topology,
} from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { blocks, type Block, type Blocks, type Branch } from '../graph/blocks';
import { callKey, linksOf, tensorKey, upstream, type Reference } from '../graph/links';
import { firstNode, trace } from '../graph/trace';
import { inputLayer } from '../rules/input';
import { mapContainers } from './containers';

/**
 * `model` without the blocks or branches called `names`, one after the other: what read the sum reads the stream instead, and
 * layers that nothing needs any more are gone. Exactly the model whose branches give zero; where a normalization goes with
 * its branch (post-norm), exactly the one whose stream goes past both. All other names and weights stay; a shared layer
 * stays as long as it is called. An Add or a normalization that leaves the model becomes an Activation that does nothing,
 * so that outputs keep their names.
 * @throws PruneError `bad-option` for a name that is no block's, and where an input of the model would be read by nobody.
 */
export function removeBlocks(model: Checkpoint, names: readonly string[]): Checkpoint {
  const table = blocks(model);
  const gone = names.map(name => blockNamed('removeBlocks', table, name).branches.map(branch => branch.name));
  return gone.reduce((left, branches) => removeBranches(left, branchesNamed(left, branches)), model);
}

/** The branches of those names that `model` has. */
export function branchesNamed(model: Checkpoint, names: readonly string[]): readonly Branch[] {
  const known = blocks(model).branches.flatMap(({ branches }) => branches);
  return known.filter(({ name }) => names.includes(name));
}

/** The block or branch of that name. @throws PruneError `bad-option`. */
function blockNamed(place: string, { blocks, branches, unfit }: Blocks, name: string): Block {
  const found = [...blocks, ...branches].find(block => block.name === name);
  if (found) return found;
  const reason = unfit.find(one => one.name === name)?.reason;
  const known = blocks.map(block => block.name);
  throw new PruneError('bad-option', {
    place,
    expected: known.length > 0 ? `names of blocks, such as ${known.slice(0, 3).join(', ')}` : 'a model with blocks',
    got: reason === undefined ? `"${name}"` : `"${name}", which is none: ${reason}`,
    cure: 'Use the names that blocks(checkpoint) gives.',
  });
}

/** `model` without `branches` of it, all at once. */
export function removeBranches(model: Checkpoint, branches: readonly Branch[]): Checkpoint {
  const problem = removalProblem(model, branches);
  if (problem === undefined) return withTopology(model, without(model.topology, '', branches));
  throw new PruneError('bad-option', {
    place: `removeBlocks: ${branches.map(({ name }) => `"${name}"`).join(', ')}`,
    expected: 'every input of the model to be read by what stays',
    got: problem,
    cure: 'Keep one of the blocks that read it.',
  });
}

/** Why `branches` cannot all go; undefined where they can. tf.js cannot save a model with an input that nothing reads. */
export function removalProblem({ topology }: Checkpoint, branches: readonly Branch[]): string | undefined {
  const left = without(topology, '', branches);
  const [before, after] = [topology, left].map(readInputs);
  const lost = [...before].find(path => !after.has(path) && hasLayer(left, path));
  return lost === undefined ? undefined : `input "${lost}" that nothing reads`;
}

/**
 * What {@link removeBranches} must equal, made in another way: all layers stay, and each branch is multiplied away behind
 * its last layer.
 */
export function skipBranches(model: Checkpoint, branches: readonly Branch[]): Checkpoint {
  const topology = mapContainers(model.topology, '', (container, path) => {
    const own = branchesOf(branches, container, path);
    const skipped = container.config.layers.flatMap(spec => silenced(spec, own.get(nameOf(spec))));
    const past = [...own.values()].flatMap(({ add, norm }) => (norm === undefined ? [] : [[`${norm}:0:0`, [add, 0, 0]] as const])); // prettier-ignore
    return rewired({ ...container, config: { ...container.config, layers: skipped } }, new Map(past));
  });
  return withTopology(model, topology);
}

interface OwnBranch {
  readonly add: string;
  readonly norm?: string;
  readonly stream: 0 | 1;
}

/** Branches whose Add is in the container at `path`, by the name of it there. */
function branchesOf(branches: readonly Branch[], { config }: Topology, path: string): ReadonlyMap<string, OwnBranch> {
  const local = new Map(config.layers.map(spec => [join(path, nameOf(spec)), nameOf(spec)]));
  const own = branches.flatMap(({ name, norm, stream }): OwnBranch[] => {
    const add = local.get(name);
    return add === undefined ? [] : [{ add, stream, norm: norm && local.get(norm) }];
  });
  return new Map(own.map(branch => [branch.add, branch]));
}

/** The Add of `spec` with a branch that is always zero, and the layer that makes it so. */
function silenced(spec: LayerSpec, branch: OwnBranch | undefined): readonly LayerSpec[] {
  if (branch === undefined) return [spec];
  const [node] = spec.inboundNodes!;
  const name = `${branch.add}_skipped`;
  const config = { name, trainable: true, maxValue: 0 };
  const zero: LayerSpec = { className: 'ReLU', name, config, inboundNodes: [[node[1 - branch.stream]]] };
  const inputs = node.map((input, i): InboundNode[number] => (i === branch.stream ? input : [name, 0, 0, {}]));
  return [zero, { ...spec, inboundNodes: [inputs] }];
}

function without(topology: Topology, parent: string, branches: readonly Branch[]): Topology {
  return mapContainers(topology, parent, (container, path) => {
    const ends = new Map<string, Reference>();
    const specs = new Map(container.config.layers.map(spec => [nameOf(spec), spec]));
    for (const [name, { norm, stream }] of branchesOf(branches, container, path)) {
      ends.set(`${name}:0:0`, specs.get(name)!.inboundNodes![0][stream]);
      if (norm !== undefined) ends.set(`${norm}:0:0`, [name, 0, 0]);
    }
    return ends.size === 0 ? container : rewired(container, ends);
  });
}

/** Who read a tensor of `ends` reads what stands there, and calls that nothing needs any more are gone. */
function rewired(topology: Topology, ends: ReadonlyMap<string, Reference>): Topology {
  const { layers, outputLayers = [] } = topology.config;
  const resolve = (reference: InboundNode[number]): InboundNode[number] => {
    let [name, node, tensor]: Reference = reference;
    for (let end = ends.get(tensorKey([name, node, tensor])); end; end = ends.get(tensorKey(end))) [name, node, tensor] = end; // prettier-ignore
    return [name, node, tensor, ...reference.slice(3)] as unknown as InboundNode[number];
  };
  const leaving = new Set(outputLayers.map(([name]) => name).filter(name => ends.has(`${name}:0:0`)));
  const next = layers.map(spec => {
    const name = nameOf(spec);
    if (leaving.has(name)) return passing(name, resolve([name, 0, 0, {}]));
    return { ...spec, ...(spec.inboundNodes && { inboundNodes: spec.inboundNodes.map(node => node.map(resolve)) }) };
  });
  // What was a dead end before stays one.
  const { calls, readers, outputs } = linksOf(topology);
  const ended = [...calls.keys()].filter(key => !readers.has(key) && !outputs.has(key));
  const changed = { ...topology, config: { ...topology.config, layers: next } };
  return swept(changed, upstream(linksOf(changed), [...outputs, ...ended]));
}

function passing(name: string, from: InboundNode[number]): LayerSpec {
  const config = { name, trainable: true, activation: 'linear' };
  return { className: 'Activation', name, config, inboundNodes: [[from]] };
}

/** `topology` with the calls of `live` alone, numbered anew. */
function swept(topology: Topology, live: ReadonlySet<string>): Topology {
  const numbers = new Map<string, number>();
  const kept = topology.config.layers.flatMap(spec => {
    if (spec.className === inputLayer.className) return [spec];
    const [name, first] = [nameOf(spec), firstNode(spec)];
    const nodes = (spec.inboundNodes ?? []).filter((_, i) => live.has(callKey([name, first + i])));
    let next = first;
    (spec.inboundNodes ?? []).forEach((_, i) => {
      const key = callKey([name, first + i]);
      if (live.has(key)) numbers.set(key, next++);
    });
    return nodes.length === 0 ? [] : [{ ...spec, inboundNodes: nodes }];
  });
  const renumber = <R extends Reference>([name, node, ...rest]: R): R =>
    [name, numbers.get(callKey([name, node])) ?? node, ...rest] as unknown as R;
  const layers = kept.map(spec =>
    spec.inboundNodes ? { ...spec, inboundNodes: spec.inboundNodes.map(node => node.map(renumber)) } : spec,
  );
  const outputLayers = topology.config.outputLayers?.map(renumber);
  return { ...topology, config: { ...topology.config, layers, ...(outputLayers && { outputLayers }) } };
}

/** `model` in another topology, with the weights that it still has room for. */
function withTopology(model: Checkpoint, topology: Topology): Checkpoint {
  const classes = new Map(leaves(model.topology).map(({ path, spec }) => [path, spec.className]));
  const stay = new Set(leaves(topology).flatMap(({ path, spec }) => (classes.get(path) === spec.className ? [path] : []))); // prettier-ignore
  const result = { topology, weights: new Map([...model.weights].filter(([path]) => stay.has(path))) };
  trace(result); // refuses a result whose weights and topology disagree
  return result;
}

/** Paths of the InputLayers that something reads, or that leave their model. */
function readInputs(topology: Topology): ReadonlySet<string> {
  const found = new Set<string>();
  mapContainers(topology, '', (container, path) => {
    const { readers, outputs } = linksOf(container);
    for (const [name] of container.config.inputLayers ?? []) {
      if (readers.has(`${name}:0`) || outputs.has(`${name}:0`)) found.add(join(path, name));
    }
    return container;
  });
  return found;
}

function hasLayer(topology: Topology, path: string): boolean {
  return leaves(topology).some(leaf => leaf.path === path);
}
