/** The topology in a model.json, as tf.js, tensorflowjs_converter, Keras 2 or Keras 3 write it, in the one form of core. */
import { isContainer, nameOf, type InboundNode, type LayerSpec, type Topology } from '../core/checkpoint';
import { requireGraph } from './callGraph';
import { describe, firstTwin, isRecord, type Json, type Refuse } from '../core/json';
import { classNameOf, readConfig, requireOwnKeys, type Dialect } from './kerasConfig';
import { isCallOfKeras3, readEnds, readNode } from './kerasNodes';

/** Whether a layer class holds layers; undefined for one that tf.js does not know, and will say so itself. */
export type IsModel = (className: string) => boolean | undefined;

/** tf.js needs time in the square of it, and no real model comes near it. */
const MOST_LAYERS = 20_000;

/**
 * Every layer of the result has a class, a config and a name of its own in its model, and every call has inputs that the
 * model computes; what the configs say is for tf.js to judge.
 * @throws what `refuse` throws.
 */
export function readTopology(modelTopology: Json, isModel: IsModel, refuse: Refuse): Topology {
  const { model_config: config = modelTopology, keras_version: version } = modelTopology;
  if (!isRecord(config)) return refuse('a model_config', describe(config));
  const keras3 = /^3\./.test(String(version)) || 'module' in config || 'build_config' in config;
  const model = readSpec(config, { refuse, keras3, isModel });
  return isContainer(model) ? model : refuse('a model of layers', `a single ${model.className}`);
}

interface Reader extends Pick<Dialect, 'refuse' | 'keras3'> {
  readonly isModel: IsModel;
}

/** A layer or model, without its calls. */
function readSpec(spec: unknown, reader: Reader): LayerSpec {
  const { refuse } = reader;
  if (!isRecord(spec)) return refuse('a layer', describe(spec));
  requireOwnKeys(spec, refuse);
  const className = classNameOf(spec);
  if (typeof className !== 'string') return refuse('the class of a layer', describe(spec));
  // Once the config of a Sequential was the list of its layers.
  const config = Array.isArray(spec.config) ? { layers: spec.config } : spec.config;
  if (!isRecord(config)) return refuse(`the config of a ${className}`, describe(config));
  requireOwnKeys(config, refuse);
  const name = config.name ?? spec.name ?? (Array.isArray(config.layers) ? 'model' : undefined);
  if (typeof name !== 'string' || name === '' || name in {}) {
    return refuse(`a name for every ${className}`, describe(name));
  }
  if (spec.name != null && spec.name !== name) {
    return refuse(`one name for layer "${name}"`, `another, ${describe(spec.name)}`);
  }
  const named = { ...config, name };
  // tf.js counts calls by what a class is, so that a wrong guess would let it wait for ever.
  const holdsLayers = Array.isArray(config.layers);
  if (reader.isModel(className) === !holdsLayers) {
    refuse(`layers in a model and nowhere else`, `${holdsLayers ? 'some' : 'none'} in the ${className} "${name}"`);
  }
  return Array.isArray(config.layers)
    ? readContainer(className, named, config.layers, reader)
    : { className, name, config: readConfig(className, named, dialectOf(reader)) };
}

function dialectOf(reader: Reader): Dialect {
  return { ...reader, readInner: spec => readInner(spec, reader) };
}

/** The layer of a wrapper or an initializer and the like, which has no name. */
function readInner(spec: Json, reader: Reader): unknown {
  const className = classNameOf(spec) as string;
  const { config } = spec;
  const isLayer = Array.isArray(config) || (isRecord(config) && (Array.isArray(config.layers) || config.name != null));
  if (isLayer) return readSpec(spec, reader);
  return { className, config: isRecord(config) ? readConfig(className, config, dialectOf(reader)) : config };
}

function readContainer(
  className: string,
  { layers: _, input_layers, output_layers, inputLayers = input_layers, outputLayers = output_layers, ...rest }: Json,
  list: readonly unknown[],
  reader: Reader,
): Topology {
  const { refuse } = reader;
  const dialect = dialectOf(reader);
  if (list.length > MOST_LAYERS) refuse(`at most ${MOST_LAYERS} layers`, String(list.length));
  const specs = list.map(spec => readSpec(spec, reader));
  requireOwnNames(specs, refuse);
  const config = { ...readConfig(className, rest, dialect), name: rest.name as string };
  const isChain = className === 'Sequential' || (inputLayers === undefined && outputLayers === undefined);
  if (isChain) {
    return { className, name: config.name, config: { ...config, layers: withInputShape(specs, rest, dialect) } };
  }
  const nodes = list.map(spec => nodesOf(spec as Json, refuse));
  const containers = namesOf(specs.filter(isContainer));
  const layers = specs.map((spec, i): LayerSpec => ({
    ...spec,
    inboundNodes: nodes[i].map((node): InboundNode => readNode(node, nameOf(spec), containers, dialect)),
  }));
  // Its graph counts the making of a functional model, as tf.js does, but not that of a Sequential.
  const uncounted = nodes.flat().some(isCallOfKeras3) ? specs.filter(spec => spec.className === 'Sequential') : [];
  const ends = {
    inputLayers: readEnds('input_layers', inputLayers, new Set(), dialect),
    outputLayers: readEnds('output_layers', outputLayers, namesOf(uncounted), dialect),
  };
  return requireGraph({ className, name: config.name, config: { ...config, layers, ...ends } }, refuse);
}

/** Keras 2 keeps the input shape of a Sequential that was built later beside its layers. */
function withInputShape(specs: readonly LayerSpec[], config: Json, dialect: Dialect): readonly LayerSpec[] {
  const [first, ...others] = specs;
  const shape = config.build_input_shape ?? config.buildInputShape;
  const has = first === undefined || isContainer(first) || first.config.batchInputShape !== undefined;
  if (has || !Array.isArray(shape)) return specs;
  const { batchInputShape } = readConfig('', { batch_input_shape: shape }, dialect);
  return [{ ...first, config: { ...first.config, batchInputShape } }, ...others];
}

function nodesOf({ name, inbound_nodes, inboundNodes = inbound_nodes }: Json, refuse: Refuse): readonly unknown[] {
  // Without it tf.js would wait for the layer for ever.
  if (typeof name !== 'string') return refuse('the name of a layer beside its calls', describe(name));
  if (inboundNodes === undefined) return [];
  return Array.isArray(inboundNodes) ? inboundNodes : refuse(`calls of layer "${name}"`, describe(inboundNodes));
}

function requireOwnNames(specs: readonly LayerSpec[], refuse: Refuse): void {
  const twin = firstTwin(specs.map(nameOf));
  if (twin !== undefined) refuse('a name of its own for every layer', `two layers ${describe(twin)}`);
}

function namesOf(specs: readonly LayerSpec[]): ReadonlySet<string> {
  return new Set(specs.map(nameOf));
}
