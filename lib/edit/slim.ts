/** Network Slimming's wrapper in a topology: put around every BatchNormalization, and taken off again. */
import type { NdArray } from '../core/array';
import {
  freshName,
  isContainer,
  join,
  mapLeaves,
  nameOf,
  type Checkpoint,
  type Config,
  type InboundNode,
  type LayerSpec,
  type Topology,
} from '../core/checkpoint';
import { rewire, withLayers } from './rewire';

/** Class name of the wrapper layer. Its config holds `l1`, `layer` and, around a layer without one, its own `norm`. */
export const SLIMMABLE = 'Slimmable';

/**
 * `checkpoint` with every BatchNormalization that has a gamma inside a wrapper of the same name and weights, and with
 * the strength of wrappers already there set to `l1`.
 */
export function wrapNorms(checkpoint: Checkpoint, { l1 }: { readonly l1: number }): Checkpoint {
  const topology = mapLeaves(checkpoint.topology, spec => {
    if (spec.className === SLIMMABLE) return { ...spec, config: { ...spec.config, l1 } };
    if (spec.className !== 'BatchNormalization' || spec.config.scale === false) return spec;
    const { name, trainable, batchInputShape, dtype } = spec.config;
    const first = batchInputShape === undefined ? {} : { batchInputShape, dtype };
    const layer = { className: spec.className, config: spec.config };
    return { ...spec, className: SLIMMABLE, config: { name, trainable, ...first, l1, layer } };
  });
  return { ...checkpoint, topology };
}

/**
 * `checkpoint` in stock layers that compute the same. A wrapped BatchNormalization comes out as it was; a wrapped convolution
 * or dense layer `x` becomes `x` without activation, `x_bn` and, where it had an activation, `x_activation`.
 */
export function unwrap(checkpoint: Checkpoint): Checkpoint {
  const weights = new Map<string, readonly NdArray[]>();
  const topology = unwrapContainer(checkpoint.topology, '', checkpoint.weights, weights);
  return { topology, weights };
}

type Weights = Checkpoint['weights'];

function unwrapContainer(topology: Topology, parent: string, from: Weights, to: Map<string, readonly NdArray[]>) {
  const { layers } = topology.config;
  const taken = new Set(layers.map(nameOf));
  const ends = new Map<string, string>();
  const unwrapped = layers.map((spec): readonly LayerSpec[] => {
    const path = join(parent, nameOf(spec));
    if (isContainer(spec)) return [unwrapContainer(spec, path, from, to)];
    const specs = spec.className === SLIMMABLE ? stockLayers(spec, taken) : [spec];
    ends.set(nameOf(spec), nameOf(specs[specs.length - 1]));
    moveWeights(path, specs, parent, from, to);
    return specs;
  });
  // What a wrapper became is already wired inside; only its first layer reads from outside.
  const rewired = unwrapped.flatMap(([first, ...others]) => [rewire(first, ends), ...others]);
  return withLayers(topology, rewired, ends);
}

function stockLayers(spec: LayerSpec, taken: Set<string>): readonly LayerSpec[] {
  const { layer, norm } = spec.config as unknown as { layer: LayerSpec; norm?: LayerSpec };
  if (norm === undefined) return [{ ...spec, className: layer.className, config: layer.config }];
  const { activation, trainable } = layer.config;
  const name = nameOf(spec);
  const active = activation !== undefined && activation !== null && activation !== 'linear';
  const first = { ...spec, className: layer.className, config: { ...layer.config, activation: 'linear' } };
  const second = after(first, 'BatchNormalization', {
    ...norm.config,
    name: freshName(`${name}_bn`, taken),
    trainable,
  });
  if (!active) return [first, second];
  return [
    first,
    second,
    after(second, 'Activation', { name: freshName(`${name}_activation`, taken), trainable, activation }),
  ];
}

/** A layer that is called once on every output of `before`. */
function after(before: LayerSpec, className: string, config: Config): LayerSpec {
  const { inboundNodes } = before;
  if (inboundNodes === undefined) return { className, config };
  const nodes = inboundNodes.map((_, i): InboundNode => [[nameOf(before), i, 0, {}]]);
  return { className, name: String(config.name), config, inboundNodes: nodes };
}

/** gamma, beta, moving mean and variance come last in a wrapper. */
const NORM_WEIGHTS = 4;

function moveWeights(
  path: string,
  specs: readonly LayerSpec[],
  parent: string,
  from: Weights,
  to: Map<string, readonly NdArray[]>,
): void {
  const arrays = from.get(path);
  if (arrays === undefined) return;
  if (specs.length === 1) return void to.set(path, arrays);
  to.set(path, arrays.slice(0, -NORM_WEIGHTS));
  to.set(join(parent, nameOf(specs[1])), arrays.slice(-NORM_WEIGHTS));
}
