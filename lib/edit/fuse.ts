/** A model for inference alone: layers that only rescale or clip what the layer before them gives become part of it. */
import { ndarray, sizeOf, type NdArray } from '../core/array';
import {
  isContainer,
  join,
  nameOf,
  type Checkpoint,
  type Config,
  type InboundNode,
  type LayerSpec,
  type Topology,
} from '../core/checkpoint';
import { rewire, withLayers } from './rewire';

/**
 * `model` with the same predictions but for rounding, in fewer layers: a BatchNormalization goes into the weights of the
 * convolution or dense layer before it, a ReLU into the activation of a Conv2D or Dense, where nothing else reads what
 * lies between. Layers keep their names and paths. Training it goes on from other statistics: fuse last.
 */
export function fuseLayers(model: Checkpoint): Checkpoint {
  const weights = new Map(model.weights);
  return { topology: fuseContainer(model.topology, '', weights), weights };
}

type Weights = Map<string, readonly NdArray[]>;

function fuseContainer(topology: Topology, parent: string, weights: Weights): Topology {
  const specs = topology.config.layers.map(spec =>
    isContainer(spec) ? fuseContainer(spec, join(parent, nameOf(spec)), weights) : spec,
  );
  const layers = new Map(specs.map(spec => [nameOf(spec), spec]));
  const feeders = feedersOf(topology);
  /** What became of layers that are gone. */
  const into = new Map<string, string>();
  for (const { name, from } of feeders) {
    const first = into.get(from) ?? from;
    const fused = fusePair(layers.get(first)!, layers.get(name)!, parent, weights);
    if (fused === undefined) continue;
    layers.set(first, fused);
    layers.delete(name);
    into.set(name, first);
  }
  const rest = [...layers.values()].map(spec => rewire(spec, into));
  return withLayers(topology, rest, into);
}

/** Layers that read one other layer, called once, whose only reader they are; a reader comes after those it reads. */
function feedersOf({ config }: Topology): readonly { readonly name: string; readonly from: string }[] {
  const { layers, inputLayers, outputLayers = [] } = config;
  if (inputLayers === undefined)
    return layers.slice(1).map((spec, i) => ({ name: nameOf(spec), from: nameOf(layers[i]) }));
  const reads = new Map<string, number>();
  const count = ([name]: readonly [string, ...unknown[]]): void => void reads.set(name, (reads.get(name) ?? 0) + 1);
  for (const { inboundNodes = [] } of layers) for (const node of inboundNodes) node.forEach(count);
  outputLayers.forEach(count);
  const calls = new Map(layers.map(spec => [nameOf(spec), spec.inboundNodes?.length ?? 0]));
  const pairs = layers.flatMap(spec => {
    const { inboundNodes = [] } = spec;
    if (inboundNodes.length !== 1 || inboundNodes[0].length !== 1) return [];
    const [[from]] = inboundNodes[0] as [InboundNode[number]];
    return reads.get(from) === 1 && calls.get(from) === 1 ? [{ name: nameOf(spec), from }] : [];
  });
  return inOrder(pairs);
}

/** A config may list a layer before the one it reads. */
function inOrder<P extends { readonly name: string; readonly from: string }>(pairs: readonly P[]): readonly P[] {
  const byName = new Map(pairs.map(pair => [pair.name, pair]));
  const ordered = new Set<P>();
  for (const pair of pairs) {
    const waiting: P[] = [];
    for (let p: P | undefined = pair; p !== undefined && !ordered.has(p); p = byName.get(p.from)) waiting.push(p);
    for (const p of waiting.reverse()) ordered.add(p);
  }
  return [...ordered];
}

/** Of each class the rank of what it gives, and the axes of its kernel along which its channels lie. */
const LINEAR: Readonly<
  Record<string, { readonly rank?: number; readonly axes: readonly number[]; readonly kernel?: number }>
> = {
  Dense: { axes: [1] },
  Conv1D: { rank: 3, axes: [2] },
  Conv2D: { rank: 4, axes: [3] },
  Conv2DTranspose: { rank: 4, axes: [2] },
  DepthwiseConv2D: { rank: 4, axes: [2, 3] },
  SeparableConv2D: { rank: 4, axes: [3], kernel: 1 },
};
/** Whose kernels of tf.js apply a ReLU on the way. */
const FUSED_ACTIVATION = ['Conv2D', 'Dense'];

function fusePair(first: LayerSpec, second: LayerSpec, parent: string, weights: Weights): LayerSpec | undefined {
  if (isContainer(first) || !Object.hasOwn(LINEAR, first.className) || !isLinear(first.config)) return undefined;
  if (isRelu(second)) {
    if (!FUSED_ACTIVATION.includes(first.className)) return undefined;
    return { ...first, config: { ...first.config, activation: 'relu' } };
  }
  if (second.className !== 'BatchNormalization' || !alongChannels(first, second.config)) return undefined;
  const [path, norm] = [first, second].map(spec => join(parent, nameOf(spec)));
  const [own, statistics] = [weights.get(path), weights.get(norm)];
  if (own === undefined || statistics === undefined) return undefined;
  weights.set(path, scaledBy(first, own, affineOf(second.config, statistics)));
  weights.delete(norm);
  return { ...first, config: { ...first.config, useBias: true } };
}

function isLinear({ activation, activityRegularizer }: Config): boolean {
  return (activation === undefined || activation === null || activation === 'linear') && !activityRegularizer;
}

function isRelu({ className, config }: LayerSpec): boolean {
  if (className === 'Activation') return config.activation === 'relu';
  return className === 'ReLU' && (config.maxValue === undefined || config.maxValue === null);
}

function alongChannels({ className, config }: LayerSpec, norm: Config): boolean {
  const axis: unknown = Array.isArray(norm.axis) ? norm.axis[0] : (norm.axis ?? -1);
  return config.dataFormat !== 'channelsFirst' && (axis === -1 || axis === (LINEAR[className].rank ?? NaN) - 1);
}

interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/** What a BatchNormalization does at inference; epsilon is tf.js's where the config has none. */
function affineOf({ scale, center, epsilon = 1e-3 }: Config, arrays: readonly NdArray[]): Affine {
  const left = arrays.map(({ data }) => data);
  const gamma = scale === false ? undefined : left.shift();
  const beta = center === false ? undefined : left.shift();
  const [mean, variance] = left;
  const factor = Float64Array.from(variance, (v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + Number(epsilon)));
  return { scale: factor, shift: factor.map((f, i) => (beta?.[i] ?? 0) - mean[i] * f) };
}

function scaledBy({ className, config }: LayerSpec, arrays: readonly NdArray[], { scale, shift }: Affine): NdArray[] {
  const { axes, kernel: at = 0 } = LINEAR[className];
  const { shape, data } = arrays[at];
  // The channels lie on neighbouring axes: one index over them.
  const inner = sizeOf(shape.slice(axes[axes.length - 1] + 1));
  const scaled = Float32Array.from(data, (value, i) => value * scale[Math.floor(i / inner) % scale.length]);
  const bias = config.useBias === false ? undefined : arrays[at + 1].data;
  const moved = Float32Array.from(shift, (value, i) => value + (bias?.[i] ?? 0) * scale[i]);
  return [...arrays.slice(0, at), ndarray(scaled, shape), ndarray(moved, [moved.length])];
}
