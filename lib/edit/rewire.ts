/** References to layers, turned to what stands in their place. */
import type { InboundNode, LayerSpec, Topology } from '../core/checkpoint';

/** The layers that are gone, and those whose outputs take their place. */
export type Ends = ReadonlyMap<string, string>;

/** `spec`, reading what `ends` says. */
export function rewire<S extends LayerSpec>(spec: S, ends: Ends): S {
  if (spec.inboundNodes === undefined) return spec;
  const redirect = ([name, ...rest]: InboundNode[number]) => [ends.get(name) ?? name, ...rest] as InboundNode[number];
  return { ...spec, inboundNodes: spec.inboundNodes.map(node => node.map(redirect)) };
}

/** `topology` with other layers, and with outputs as `ends` says; what the layers read is theirs. */
export function withLayers(topology: Topology, layers: readonly LayerSpec[], ends: Ends): Topology {
  const { outputLayers } = topology.config;
  const outputs = outputLayers?.map(([name, node, tensor]) => [ends.get(name) ?? name, node, tensor] as const);
  return { ...topology, config: { ...topology.config, layers, ...(outputs && { outputLayers: outputs }) } };
}
