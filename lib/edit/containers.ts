/** Functional models in a topology, the outermost and the nested ones. */
import { isContainer, join, nameOf, type Topology } from '../core/checkpoint';

/** `topology` with every functional model in it changed, the inner ones first. */
export function mapContainers(
  topology: Topology,
  path: string,
  change: (topology: Topology, path: string) => Topology,
): Topology {
  // prettier-ignore
  const layers = topology.config.layers.map(spec =>
    isContainer(spec) ? mapContainers(spec, join(path, nameOf(spec)), change) : spec,
  );
  const mapped = { ...topology, config: { ...topology.config, layers } };
  return topology.config.inputLayers ? change(mapped, path) : mapped;
}
