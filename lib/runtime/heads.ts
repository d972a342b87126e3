/** The output layers of a topology: which activation ends in each output, and how to take it off. */
import { isContainer, join, mapLeaves, nameOf, type LayerSpec, type Topology } from '../core/checkpoint';

export interface Head {
  /** Path of the layer that applies the activation. */
  readonly path: string;
  /** In tf.js's words: linear, softmax, sigmoid, ... */
  readonly activation: string;
  /** Its output goes nowhere but to this model output, so that the activation can be taken off without changing anything else. */
  readonly free: boolean;
  /** It is the output itself, along its last axis: no Reshape, Flatten or Dropout comes after it. */
  readonly direct: boolean;
}

/** One head per model output, in order. */
export function headsOf(topology: Topology, parent = ''): readonly Head[] {
  const { layers, outputLayers } = topology.config;
  const heads = outputLayers
    ? outputLayers.map(([name, , tensor]) => headOf(topology, named(layers, name), tensor, parent, 0))
    : [headOf(topology, layers[layers.length - 1], 0, parent, 0)];
  return heads.map(head => ({
    ...head,
    free: head.free && heads.filter(({ path }) => path === head.path).length === 1,
  }));
}

/** `topology` in which the activations at `paths` are linear. */
export function withLinear(topology: Topology, paths: ReadonlySet<string>): Topology {
  return mapLeaves(topology, (spec, path) => {
    if (!paths.has(path)) return spec;
    const activation = 'linear';
    if (spec.className !== 'Softmax') return { ...spec, config: { ...spec.config, activation } };
    const { name, trainable } = spec.config;
    return { ...spec, className: 'Activation', config: { name, trainable, activation } };
  });
}

/** Layers whose `activation` comes last; inside an RNN it does not. */
const activated = /^(Activation|Dense|Conv\dD|Conv\dDTranspose|DepthwiseConv2D|SeparableConv2D)$/;
const looksThrough = /^(Reshape|Flatten|Dropout)$/;

function headOf(topology: Topology, spec: LayerSpec, tensor: number, parent: string, consumers: number): Head {
  const path = join(parent, nameOf(spec));
  const free = usesOf(topology, nameOf(spec)) === consumers && (spec.inboundNodes?.length ?? 1) <= 1;
  if (isContainer(spec)) {
    const head = headsOf(spec, path)[tensor];
    return { ...head, free: head.free && free };
  }
  if (looksThrough.test(spec.className)) {
    const before = sourceOf(topology, spec);
    // One consumer is the layer we come from.
    const uses = topology.config.outputLayers ? 1 : 0;
    const head = before && headOf(topology, before, 0, parent, uses);
    if (head && head.activation !== 'linear') return { ...head, free: head.free && free, direct: false };
  }
  // tf.js's Softmax layer works along axis 1 unless told otherwise, which is the last only in two dimensions.
  const last = spec.className !== 'Softmax' || spec.config.axis === -1;
  return { path, activation: activationOf(spec), free, direct: last };
}

function activationOf({ className, config }: LayerSpec): string {
  if (className === 'Softmax') return 'softmax';
  return activated.test(className) ? String(config.activation ?? 'linear') : 'linear';
}

/** How many calls of other layers read from the layer called `name`; in a Sequential that does not count. */
function usesOf({ config: { layers, outputLayers } }: Topology, name: string): number {
  if (outputLayers === undefined) return 0;
  return layers.flatMap(spec => spec.inboundNodes ?? []).filter(node => node.some(([from]) => from === name)).length;
}

function sourceOf({ config: { layers, outputLayers } }: Topology, spec: LayerSpec): LayerSpec | undefined {
  if (outputLayers === undefined) return layers[layers.indexOf(spec) - 1];
  const [node, ...others] = spec.inboundNodes ?? [];
  return node === undefined || others.length > 0 ? undefined : named(layers, node[0][0]);
}

function named(layers: readonly LayerSpec[], name: string): LayerSpec {
  return layers.find(spec => nameOf(spec) === name)!;
}
