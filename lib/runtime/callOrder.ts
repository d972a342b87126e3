/**
 * The calls of shared layers in an order that tf.js rebuilds faithfully. tf.js numbers a layer's calls as they become
 * possible while it reads a config, not as the config lists them: where the first call of a shared layer waits for
 * deeper layers than its second, the two are swapped, and every reference to them with it.
 */
import { isContainer, nameOf, type LayerSpec, type Topology } from '../core/checkpoint';
import { PruneError } from '../core/errors';

/**
 * `topology` with the calls of each layer listed, and referred to, in the order in which tf.js will make them.
 * @throws PruneError `bad-model` for a reference to a layer or call that does not exist, on which tf.js would hang.
 */
export function inCallOrder(topology: Topology): Topology {
  const layers = topology.config.layers.map(spec => (isContainer(spec) ? inCallOrder(spec) : spec));
  const nested = { ...topology, config: { ...topology.config, layers } };
  return nested.config.outputLayers === undefined ? nested : reorder(nested);
}

type Reference = readonly [string, number, number, ...unknown[]];

function reorder(topology: Topology): Topology {
  const { layers, inputLayers = [], outputLayers = [] } = topology.config;
  const order = callOrder(layers);
  const specs = new Map(layers.map(spec => [nameOf(spec), spec]));
  const renumber = <R extends Reference>(reference: R): R => {
    const [name, node, ...rest] = reference;
    const first = firstNode(specs.get(name));
    const position = order.get(name)?.indexOf(node - first) ?? -1;
    return [name, position < 0 ? node : position + first, ...rest] as unknown as R;
  };
  const sorted = layers.map(spec => {
    const { inboundNodes = [] } = spec;
    const nodes = order.get(nameOf(spec))!.map(node => inboundNodes[node].map(renumber));
    return { ...spec, inboundNodes: nodes };
  });
  const config = {
    ...topology.config,
    layers: sorted,
    inputLayers: inputLayers.map(renumber),
    outputLayers: outputLayers.map(renumber),
  };
  return { ...topology, config };
}

/** For each layer the numbers of its calls in an order in which each finds its inputs. */
function callOrder(layers: readonly LayerSpec[]): Map<string, number[]> {
  const order = new Map<string, number[]>(layers.map(spec => [nameOf(spec), []]));
  const specs = new Map(layers.map(spec => [nameOf(spec), spec]));
  const ready = ([name, node]: Reference): boolean => {
    const first = firstNode(specs.get(name));
    return specs.has(name) && (node < first || order.get(name)!.includes(node - first));
  };
  for (let waiting = -1, last = 0; waiting !== 0; last = waiting) {
    waiting = 0;
    for (const spec of layers) {
      const made = order.get(nameOf(spec))!;
      const nodes = spec.inboundNodes ?? [];
      nodes.forEach((node, i) => {
        if (!made.includes(i) && node.every(ready)) made.push(i);
      });
      waiting += nodes.length - made.length;
    }
    if (waiting === last && waiting > 0) throw dangling(layers, order, ready);
  }
  return order;
}

/** tf.js gives a nested model, and an input, one node of its own before any call. */
function firstNode(spec: LayerSpec | undefined): number {
  return spec !== undefined && (isContainer(spec) || spec.className === 'InputLayer') ? 1 : 0;
}

function dangling(
  layers: readonly LayerSpec[],
  order: ReadonlyMap<string, readonly number[]>,
  ready: (reference: Reference) => boolean,
): PruneError {
  const stuck = layers.find(spec => order.get(nameOf(spec))!.length < (spec.inboundNodes ?? []).length)!;
  const missing = stuck.inboundNodes!.flat().find(reference => !ready(reference))!;
  return new PruneError('bad-model', {
    place: `layer "${nameOf(stuck)}"`,
    expected: 'inputs that the model computes',
    got: `call ${missing[1]} of "${missing[0]}", which it does not`,
    cure: 'Correct inboundNodes in the topology.',
  });
}
