/** Layers that do different things with one weight, as stock layers each of which has a weight of its own. */
import type { NdArray } from '../core/array';
import {
  freshName,
  join,
  nameOf,
  type Checkpoint,
  type InboundNode,
  type LayerSpec,
  type Topology,
} from '../core/checkpoint';
import type { Call } from '../graph/ledger';
import { callKey, type Reference } from '../graph/links';
import { trace } from '../graph/trace';
import type { LoneLayer } from '../rules/rule';
import { mapContainers } from './containers';

/**
 * `model` without layers that look up and score with one table: a table for each. It computes the same, with more weights. What comes
 * first keeps the name.
 */
export function untie(model: Checkpoint): Checkpoint {
  const tied = trace(model).calls.filter(({ rule }) => rule.untied);
  if (tied.length === 0) return model;
  const weights = new Map(model.weights);
  const topology = mapContainers(model.topology, '', (container, path) => untied(container, path, tied, weights));
  return { topology, weights };
}

function untied(
  topology: Topology,
  path: string,
  tied: readonly Call[],
  weights: Map<string, readonly NdArray[]>,
): Topology {
  // prettier-ignore
  const taken = new Set(topology.config.layers.map(nameOf));
  const moved = new Map<string, readonly [string, number]>();
  const layers = topology.config.layers.flatMap(spec => {
    const own = tied.filter(({ layer }) => layer === join(path, nameOf(spec)));
    if (own.length === 0) return [spec];
    const held = weights.get(own[0].layer)!;
    weights.delete(own[0].layer);
    const parts = partsOf(spec, own, held, taken);
    for (const { name, lone, nodes } of parts) {
      weights.set(join(path, name), lone.weights);
      nodes.forEach((node, i) => moved.set(callKey([nameOf(spec), node]), [name, i]));
    }
    return parts.map(({ name, lone: { className, config }, nodes }): LayerSpec => ({
      className,
      name,
      config: { name, ...config },
      inboundNodes: nodes.map(node => spec.inboundNodes![node]),
    }));
  });
  const follow = <R extends Reference>([name, node, ...rest]: R): R =>
    [...(moved.get(callKey([name, node])) ?? [name, node]), ...rest] as unknown as R;
  const inboundNodes = (nodes: readonly InboundNode[]): InboundNode[] => nodes.map(node => node.map(follow));
  const followed = layers.map(spec => ({
    ...spec,
    ...(spec.inboundNodes && { inboundNodes: inboundNodes(spec.inboundNodes) }),
  }));
  const outputLayers = topology.config.outputLayers?.map(follow);
  return { ...topology, config: { ...topology.config, layers: followed, outputLayers } };
}

interface Part {
  readonly name: string;
  readonly lone: LoneLayer;
  /** Of the tied layer. */
  readonly nodes: readonly number[];
}

/** One for each thing that the layer does, in the order of its calls. */
function partsOf(spec: LayerSpec, calls: readonly Call[], weights: readonly NdArray[], taken: Set<string>): Part[] {
  const parts = new Map<string, Part>();
  for (const node of (spec.inboundNodes ?? []).keys()) {
    const { rule, config, inputs } = calls.find(call => call.node === node)!;
    const { name: second, ...lone } = rule.untied!({ config, weights, inputs: inputs.map(({ shape }) => shape) });
    const known = parts.get(lone.className);
    const name = known?.name ?? (parts.size === 0 ? nameOf(spec) : freshName(second ?? nameOf(spec), taken));
    parts.set(lone.className, { name, lone, nodes: [...(known?.nodes ?? []), node] });
  }
  return [...parts.values()];
}
