/** A topology of tf.js in the words of Keras 3, which reads what Keras 2 wrote, but not all of what tf.js writes. */
import { isRecord, type Json, type Refuse } from '../core/json';

/** What tf.js writes into the config of a class and Keras does not take. */
const UNKNOWN: Readonly<Record<string, readonly string[]>> = {
  SpatialDropout1D: ['noise_shape', 'trainable'],
  ConvLSTM2D: ['implementation'],
};

/** What Keras 3 lacks, or has under the same name with other outputs. */
const LACKING: Readonly<Record<string, string>> = {
  ThresholdedReLU: 'a ThresholdedReLU, which went with Keras 2',
  RNN: 'an RNN of single cells, whose config tf.js writes in a way of its own',
};

const MODELS = ['Model', 'Functional', 'Sequential'];

/** `{class_name, config}` of a model and all in it. @throws what `refuse` throws for what Keras 3 does not have. */
export function inWordsOfKeras(topology: Json, refuse: Refuse): Json {
  requireKnown(topology, refuse);
  return modelOf(topology);
}

/** Whatever is left to Keras it would refuse by itself, or read as another layer. */
function requireKnown(topology: Json, refuse: Refuse): void {
  JSON.stringify(topology, (_, value: unknown) => {
    if (!isRecord(value) || typeof value.class_name !== 'string') return value;
    const { class_name: className, config, inbound_nodes: calls } = value;
    const name = `"${String(nameOf(value))}"`;
    if (className.startsWith('Prune'))
      refuse('layers that Keras has', `a ${className}, ${name}`, 'Take slimming wrappers off with strip; transformers go to Python by saveHuggingFace.'); // prettier-ignore
    const [first] = (Object(config) as { layers?: readonly Json[] }).layers ?? [];
    if (className === 'Sequential' && first && isFunctional(first))
      refuse('models that Keras 3 builds', `the Sequential ${name}, which begins with a model`, 'Rebuild it with tf.model.'); // prettier-ignore
    if (LACKING[className]) refuse('layers that Keras 3 has', LACKING[className]);
    const { recurrent_activation: gate, activation } = Object(config) as Json;
    if ([gate, activation].includes('hard_sigmoid'))
      refuse('activations that Keras 3 has', `hard_sigmoid in ${name}, which is another curve there`, 'Train with sigmoid.'); // prettier-ignore
    const isRecurrent = /LSTM|GRU|SimpleRNN|Bidirectional/.test(className);
    if (isRecurrent && Array.isArray(calls) && calls.some(call => (call as unknown[]).length > 1))
      refuse('recurrent layers that begin at zero', `states that are given to ${name}`);
    return value;
  });
}

function modelOf({ class_name: className, config }: Json): Json {
  const model = config as Json;
  const layers = (model.layers as readonly Json[]).map(spec => specOf(spec));
  if (className === 'Sequential') return { class_name: className, config: { ...model, layers: withInput(layers) } };
  const models = new Map(layers.flatMap(spec => (isModel(spec) ? [[nameOf(spec), spec.class_name] as const] : [])));
  return {
    class_name: 'Functional',
    config: {
      ...model,
      layers: layers.map(spec => ({ ...spec, inbound_nodes: callsOf(spec.inbound_nodes, models) })),
      output_layers: (model.output_layers as readonly Ref[]).map(ref => outputOf(ref, models)),
    },
  };
}

type Ref = readonly [name: string, call: number, output: number, ...rest: unknown[]];

const isModel = ({ class_name: className }: Json): boolean => MODELS.includes(className as string);
const isFunctional = (spec: Json): boolean => isModel(spec) && spec.class_name !== 'Sequential';
const nameOf = ({ name, config }: Json): unknown => name ?? (config as Json).name;

function specOf(spec: Json): Json {
  const own = isModel(spec) ? modelOf(spec) : { class_name: spec.class_name, config: configOf(spec) };
  return { ...spec, ...own };
}

function configOf({ class_name: className, config }: Json): Json {
  const kept = Object.entries(config as Json).filter(([key]) => !UNKNOWN[className as string]?.includes(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, isInner(key) ? inner(value) : value]));
}

/** The layer of a wrapper, or the cells of a recurrent layer; Keras finds their classes only where it is told where they are. */
function isInner(key: string): boolean {
  return ['layer', 'cell', 'cells', 'forward_layer', 'backward_layer'].includes(key);
}

function inner(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inner);
  if (!isRecord(value) || typeof value.class_name !== 'string') return value;
  const module = isModel(value) ? 'keras' : 'keras.layers';
  return { ...specOf(value), module, registered_name: null };
}

/** A Sequential says what it takes by a layer of its own, not in the first that computes something. */
function withInput(layers: readonly Json[]): readonly Json[] {
  const [first, ...rest] = layers;
  if (first === undefined || first.class_name === 'InputLayer') return layers;
  const { batch_input_shape: shape, dtype = 'float32', ...config } = first.config as Json;
  if (shape === undefined) return layers;
  const input = { batch_input_shape: shape, dtype, sparse: false, name: `${String(config.name)}_input` };
  return [{ class_name: 'InputLayer', config: input }, { ...first, config: { ...config, dtype } }, ...rest];
}

/** In tf.js the first call of a model is that by which it was made; Keras 3 counts those from outside. */
function callsOf(calls: unknown, models: ReadonlyMap<unknown, unknown>): unknown {
  if (!Array.isArray(calls)) return calls;
  return (calls as Ref[][]).map(call =>
    call.map(([name, index, ...rest]) => [name, models.has(name) ? index - 1 : index, ...rest]),
  );
}

/** But for outputs, where it takes one off for functional models itself. */
function outputOf([name, index, ...rest]: Ref, models: ReadonlyMap<unknown, unknown>): unknown {
  return [name, models.get(name) === 'Sequential' ? index - 1 : index, ...rest];
}
