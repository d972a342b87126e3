/** A model as data in ONNX: every call that its trace finds, by the conversion of its layer class. */
import { isContainer, join, leaves, nameOf, weightsOf, type Checkpoint, type Topology } from '../core/checkpoint';
import type { Refuse } from '../core/json';
import { withoutLora } from '../edit/lora';
import { unwrap } from '../edit/slim';
import type { Call } from '../graph/ledger';
import { trace } from '../graph/trace';
import { inputLayer } from '../rules/input';
import { LORA_DENSE } from '../rules/lora';
import { masking } from '../rules/noise';
import type { Flow } from '../rules/rule';
import { builder, type Builder } from './builder';
import type { Conversion } from './conversion';
import type { Dim, ElementType, OnnxGraph, OnnxValue } from './model';
import { conversionOf, requireSettings } from './table';
import { asFloats, read, valueOf, type Value } from './value';

export interface Source extends Checkpoint {
  /** Models inside of wrappers, by the paths of these. */
  readonly inside?: ReadonlyMap<string, Checkpoint>;
}

/**
 * `source` as a graph that computes the same on any batch. Inputs and outputs have the names and the order of axes that they have in tf.js.
 * Corrections of low rank are added to their kernels, wrappers of Network Slimming taken off.
 * @throws what `refuse` throws for layers and settings that have no conversion.
 */
export function convert(source: Source, refuse: Refuse): OnnxGraph {
  const { inside = new Map<string, Checkpoint>() } = source;
  const model = inStockLayers(source);
  const { topology } = model;
  const specs = [topology, ...[...inside.values()].map(held => held.topology)].flatMap(each => leaves(each));
  requireConversions(specs, refuse);
  const masked = specs.some(({ spec }) => spec.className === masking.className || spec.config.maskZero === true);
  const graph = builder();
  const declared: OnnxValue[] = [];
  const names = outputNames(topology);
  const values = emit(model, '', { graph, refuse, inside, masked }, (call, i) => {
    const name = graph.fresh(inputsOf(topology)[i].name);
    const { dtype } = call.config as { dtype?: ElementType };
    const dims = call.outputs[0].shape.map((size, axis) => size ?? openSize(name, axis));
    declared.push({ name, type: dtype ?? 'float32', dims });
    return valueOf(name, dims, undefined, dtype);
  });
  graph.enter('outputs');
  const results = values.map((value, i): OnnxValue => {
    const name = graph.fresh(names[i]);
    graph.give(name, read(graph, value));
    return { name, type: value.type, dims: value.dims };
  });
  return graph.graph(topology.config.name, declared, results);
}

function inStockLayers(model: Checkpoint): Checkpoint {
  const stock = unwrap(model);
  return leaves(stock.topology).some(({ spec }) => spec.className === LORA_DENSE) ? withoutLora(stock) : stock;
}

function requireConversions(specs: ReturnType<typeof leaves>, refuse: Refuse): void {
  const unknown = specs.filter(({ spec: { className } }) => className !== inputLayer.className && !conversionOf(className)); // prettier-ignore
  if (unknown.length === 0) return;
  const list = unknown.map(({ path, spec }) => `a ${spec.className}, "${path}"`).join(' and ');
  refuse('layers that can be written in ONNX', list, 'Replace it, or cut the model before it.');
}

interface Emission {
  readonly graph: Builder;
  readonly refuse: Refuse;
  readonly inside: ReadonlyMap<string, Checkpoint>;
  readonly masked: boolean;
}

/** What leaves `model`, which lies at `path`; `give` says what stands for each of its inputs. */
function emit(
  model: Checkpoint,
  path: string,
  emission: Emission,
  give: (input: Call, index: number) => Value,
): readonly Value[] {
  const traced = trace(model);
  const values = new Map<Flow, Value>();
  inputsOf(model.topology).forEach((input, i) => {
    const call = traced.calls.find(({ layer, rule }) => layer === input.path && rule === inputLayer)!;
    values.set(call.outputs[0], give(call, i));
  });
  for (const call of traced.calls) {
    if (values.has(call.outputs[0])) continue;
    const made = emitCall(model, call, join(path, call.layer), call.inputs.map(flow => values.get(flow)!), emission); // prettier-ignore
    made.forEach((value, i) => values.set(call.outputs[i], value));
  }
  return traced.outputs.map(flow => values.get(flow)!);
}

function emitCall(
  model: Checkpoint,
  { layer, rule, config, outputs }: Call,
  path: string,
  given: readonly Value[],
  emission: Emission,
): readonly Value[] {
  const { graph, inside, masked } = emission;
  const refuse: Refuse = (expected, got, cure = 'Replace it, or cut the model before it.') =>
    emission.refuse(`${expected} in layer "${path}"`, got, cure);
  requireSettings(rule.className, config, refuse);
  const conversion = conversionOf(rule.className)!;
  const inputs = conversion.integers ? given : given.map(value => asFloats(graph, value));
  graph.enter(path);
  const made = conversion.convert({
    path,
    config,
    weights: weightsOf(model, layer),
    inputs,
    outputs: outputs.map(flow => sizesOf(conversion, inputs, path, flow)),
    graph,
    masked,
    refuse,
    inside: values => {
      const held = inside.get(layer) ?? refuse('a model that was captured', 'none');
      const results = emit(held, path, emission, (_, i) => values[i]);
      graph.enter(path);
      return results;
    },
  });
  const values = [made].flat() as readonly Value[];
  return conversion.keepsMask ? values.map(value => ({ ...value, mask: inputs[0].mask })) : values;
}

/** What is open has a name: its own, or that which it has in the first input of that rank, where the layer leaves sizes as they are. */
function sizesOf({ keepsSizes }: Conversion, inputs: readonly Value[], path: string, { shape }: Flow): readonly Dim[] {
  const { dims } = inputs.find(input => input.dims.length === shape.length) ?? inputs[0];
  return shape.map((size, axis) => {
    if (size !== null) return size;
    const isKept = axis === 0 || (keepsSizes && typeof dims[axis] === 'string');
    return isKept ? dims[axis] : openSize(path, axis);
  });
}

function openSize(name: string, axis: number): string {
  return axis === 0 ? 'batch' : `${name}_axis_${axis}`;
}

/** Where the inputs of a model enter it, and the names that tf.js has for them. */
function inputsOf({ config }: Topology, parent = ''): readonly { readonly path: string; readonly name: string }[] {
  if (config.inputLayers) return config.inputLayers.map(([name]) => ({ path: join(parent, name), name }));
  const [first] = config.layers;
  const name = nameOf(first);
  if (isContainer(first)) return inputsOf(first, join(parent, name));
  if (first.className === inputLayer.className) return [{ path: join(parent, name), name }];
  return [{ path: join(parent, 'input'), name: `${name}_input` }];
}

function outputNames({ config: { layers, outputLayers } }: Topology): readonly string[] {
  if (outputLayers) return outputLayers.map(([name]) => name);
  const last = layers[layers.length - 1];
  return isContainer(last) ? outputNames(last) : [nameOf(last)];
}
