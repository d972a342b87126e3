/** Whether a model can be called at all. tf.js waits for ever for an input that nothing computes. */
import { isContainer, nameOf, type LayerSpec, type Topology } from '../core/checkpoint';
import { describe, type Refuse } from '../core/json';

/** tf.js needs time in the square of it, and no real model comes near it. */
const MOST_CALLS = 1000;
/** tf.js goes over all layers again and again until each is called; a list in the order of the calls needs one round. */
const MOST_ROUNDS = 100;

interface Call {
  readonly layer: number;
  readonly inputs: readonly string[];
}

/**
 * `topology` itself, or with its layers in the order of their calls where tf.js would need too many rounds.
 * @throws what `refuse` throws for a reference to nothing, a cycle, or an absurd number of calls.
 */
export function requireGraph(topology: Topology, refuse: Refuse): Topology {
  const { layers, inputLayers = [], outputLayers = [] } = topology.config;
  const calls = listCalls(layers, refuse);
  const inputs = new Set(layers.filter(isInputLayer).map(nameOf));
  for (const [name, call] of inputLayers) {
    if (call !== 0 || !inputs.has(name)) refuse('input layers for the inputs of the model', describe([name, call]));
  }
  for (const [name, call] of outputLayers) requireCall(keyOf(name, call), calls, refuse);
  for (const call of calls.values()) for (const input of call.inputs) requireCall(input, calls, refuse);
  const { order, rounds } = inOrder(calls, refuse);
  if (rounds <= MOST_ROUNDS) return topology;
  // Those that are never called come last.
  const sorted = [...new Set([...order, ...layers.keys()])].map(index => layers[index]);
  return { ...topology, config: { ...topology.config, layers: sorted } };
}

function listCalls(layers: readonly LayerSpec[], refuse: Refuse): Map<string, Call> {
  const calls = new Map<string, Call>();
  layers.forEach((spec, layer) => {
    const name = nameOf(spec);
    const nodes = spec.inboundNodes ?? [];
    if (nodes.length > MOST_CALLS) refuse(`at most ${MOST_CALLS} calls of layer "${name}"`, String(nodes.length));
    const isInput = isInputLayer(spec);
    if (isInput) calls.set(keyOf(name, 0), { layer, inputs: [] });
    if (isInput && nodes.length > 0) refuse(`no inputs for the input layer "${name}"`, describe(nodes));
    nodes.forEach((node, i) => {
      if (node.length === 0) refuse(`inputs for layer "${name}"`, 'none');
      const inputs = node.map(([from, call]) => keyOf(from, call));
      calls.set(keyOf(name, isContainer(spec) ? i + 1 : i), { layer, inputs });
    });
  });
  return calls;
}

/** Layers in the order in which their calls can be made, once for each call, and the rounds that tf.js takes for that. */
function inOrder(calls: ReadonlyMap<string, Call>, refuse: Refuse): { order: number[]; rounds: number } {
  const waiting = new Map<string, number>();
  const readers = new Map<string, string[]>();
  for (const [key, { inputs }] of calls) {
    waiting.set(key, inputs.length);
    for (const input of inputs) {
      const known = readers.get(input);
      if (known) known.push(key);
      else readers.set(input, [key]);
    }
  }
  const ready = [...calls.keys()].filter(key => waiting.get(key) === 0);
  const round = new Map<string, number>();
  for (const key of ready) {
    const { layer, inputs } = calls.get(key)!;
    const needed = inputs.map(input => round.get(input)! + (calls.get(input)!.layer < layer ? 0 : 1));
    round.set(key, Math.max(1, ...needed));
    for (const reader of readers.get(key) ?? []) {
      waiting.set(reader, waiting.get(reader)! - 1);
      if (waiting.get(reader) === 0) ready.push(reader);
    }
  }
  const stuck = [...calls.keys()].find(key => !round.has(key));
  if (stuck !== undefined) refuse('a graph without cycles', `a layer that feeds itself, ${stuck}`);
  return { order: ready.map(key => calls.get(key)!.layer), rounds: Math.max(0, ...round.values()) };
}

function requireCall(key: string, calls: ReadonlyMap<string, Call>, refuse: Refuse): void {
  if (!calls.has(key)) refuse('references to calls that the model makes', `one to ${key}, which it does not`);
}

function isInputLayer({ className }: LayerSpec): boolean {
  return className === 'InputLayer';
}

function keyOf(name: string, call: number): string {
  return `call ${call} of "${name}"`;
}
