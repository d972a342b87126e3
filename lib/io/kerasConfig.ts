/**
 * Config values as tf.js wants them. Keras writes snake_case words, tf.js reads camelCase ones; and Keras 3 writes objects
 * where tf.js knows words, and has settings that tf.js passes over, with other outputs.
 */
import { describe, firstTwin, isRecord, type Json, type Refuse } from '../core/json';

export interface Dialect {
  readonly refuse: Refuse;
  /** Written by Keras 3, where some words mean something else. */
  readonly keras3: boolean;
  /** Reads an object `{ class_name, config }` inside a config: the layer of a wrapper, an initializer. */
  readonly readInner: (spec: Json) => unknown;
}

/** Other values of these change what a layer computes, and tf.js does not look at them. Null is always harmless. */
const MUST_BE: readonly (readonly [RegExp, string, unknown])[] = [
  [/^ReLU$/, 'negativeSlope', 0],
  [/^ReLU$/, 'threshold', 0],
  [/Conv/, 'groups', 1],
  [/^Global.*Pooling/, 'keepdims', false],
  [/^BatchNormalization$/, 'renorm', false],
  [/^LayerNormalization$/, 'rmsScaling', false],
  [/^(LSTM|GRU|SimpleRNN|RNN)$/, 'timeMajor', false],
];

const RENAMED: Readonly<Record<string, string>> = {
  BatchNormalizationV1: 'BatchNormalization',
  BatchNormalizationV2: 'BatchNormalization',
  UnifiedGRU: 'GRU',
  UnifiedLSTM: 'LSTM',
};

/** The name by which tf.js knows a class. */
export function classNameOf(spec: Json): unknown {
  const name = spec.class_name ?? spec.className;
  return typeof name === 'string' && Object.hasOwn(RENAMED, name) ? RENAMED[name] : name;
}

/** @throws what `refuse` throws for a setting that tf.js would pass over. */
export function readConfig(className: string, config: Json, dialect: Dialect): Record<string, unknown> {
  const { refuse, keras3 } = dialect;
  const { batchShape, ...read } = readRecord(config, dialect);
  if (batchShape !== undefined) read.batchInputShape ??= batchShape;
  if (Array.isArray(read.layers)) refuse(`no layers in the config of a ${className}`, describe(read.layers));
  if (className === 'LeakyReLU' && read.negativeSlope != null) read.alpha ??= read.negativeSlope;
  const { axis } = read;
  if (className === 'BatchNormalization' && Array.isArray(axis) && axis.length === 1) read.axis = axis[0] as unknown;
  if (className === 'Bidirectional' && isRecord(read.backwardLayer)) mergeDirections(read, refuse);
  for (const [classes, key, value] of MUST_BE) {
    if (!classes.test(className) || read[key] == null || read[key] === value) continue;
    refuse(`${className} with ${key} ${describe(value)}`, describe(read[key]), 'tf.js has no such setting.');
  }
  for (const [key, value] of Object.entries(read)) {
    if (/Initializer$/.test(key) && isRecord(value)) requireSpread(key, value, refuse);
    if (!/activation$/i.test(key)) continue;
    if (isRecord(value)) refuse(`${key} to be a word`, describe(value), 'Put a layer of its own behind this one.');
    if (keras3 && value === 'hardSigmoid') {
      refuse('an activation that tf.js has', 'hard_sigmoid of Keras 3, which is another curve', 'Train with sigmoid.');
    }
  }
  return read;
}

/** tf.js would draw for ever from a truncated normal distribution of no width; inside of nested models it does draw. */
function requireSpread(key: string, { config }: Json, refuse: Refuse): void {
  const { scale, stddev, mean } = isRecord(config) ? config : ({} as Json);
  const isFit = (value: unknown, least: number): boolean =>
    value == null || (Number.isFinite(value) && Number(value) >= least);
  if ([scale, stddev].every(value => isFit(value, 0)) && isFit(mean, -Infinity)) return;
  refuse(`numbers, and a width of at least 0, in the ${key}`, describe(config));
}

/** Keras writes both directions, tf.js makes the second of the first; and both name them in their own way. */
function mergeDirections(config: Record<string, unknown>, refuse: Refuse): void {
  const [forward, backward] = [config.layer, config.backwardLayer].map(layer => (isRecord(layer) ? layer.config : {}));
  const { name, goBackwards = false, ...rest } = forward as Json;
  const { name: other, goBackwards: reversed = false, ...others } = backward as Json;
  if (withoutStart(rest) !== withoutStart(others) || goBackwards === reversed) {
    refuse('a Bidirectional of one layer in both directions', 'one of two layers', 'tf.js has no such setting.');
  }
  delete config.backwardLayer;
  const [own, twin] = [String(name).replace(/^forward_/, ''), String(other).replace(/^backward_/, '')];
  if (own !== name && own === twin)
    config.layer = { ...(config.layer as Json), name: own, config: { ...rest, goBackwards, name: own } };
}

/** What decides what a layer computes, once it has weights. */
function withoutStart(config: Json): string {
  return JSON.stringify(config, (key, value: unknown) => (/Initializer$/.test(key) ? undefined : value));
}

/** As tf.js converts what it is given, but for class names, which it would change as well. */
export function readValue(value: unknown, key: string, dialect: Dialect): unknown {
  if (typeof value === 'string') return key === 'dtype' ? variableType(value) : camelCase(value);
  if (Array.isArray(value)) return value.map(item => readValue(item, '', dialect));
  if (!isRecord(value)) return value;
  const { items, config } = value;
  const className = classNameOf(value);
  if (className === '__tuple__' && Array.isArray(items)) return readValue(items, '', dialect);
  if (className === 'function' && typeof config === 'string') return camelCase(config);
  if (/^(DType)?Policy$/.test(String(className)) && isRecord(config)) return variableType(String(config.name));
  if (typeof className === 'string' && config !== undefined) return dialect.readInner(value);
  return readRecord(value, dialect);
}

function readRecord(record: Json, dialect: Dialect): Record<string, unknown> {
  const entries = Object.entries(record).map(([key, value]): [string, unknown] => {
    const isName = typeof value === 'string' && ['name', 'class_name', 'className'].includes(key);
    return [camelCase(key), isName ? value : readValue(value, key, dialect)];
  });
  requireOwnKeys(record, dialect.refuse);
  return Object.fromEntries(entries);
}

/** Keys that decide what else is read, and how they may be written. */
const STRUCTURE = ['name', 'config', 'layers', 'class_name', 'inbound_nodes', 'input_layers', 'output_layers'];

/** tf.js takes "use_bias" and "use__bias" for one, and the last of them for what it says. */
export function requireOwnKeys(record: Json, refuse: Refuse): void {
  const keys = Object.keys(record);
  const twin = firstTwin(keys.map(camelCase));
  if (twin !== undefined) refuse('settings with names of their own', `two for ${describe(twin)}`);
  for (const key of keys) {
    const known = STRUCTURE.find(word => camelCase(word) === camelCase(key));
    if (known !== undefined && key !== known && key !== camelCase(known)) refuse(`the key ${known}`, describe(key));
  }
}

/** With mixed precision the weights are float32, and tf.js computes in float32 too. */
function variableType(dtype: string): string {
  return /^mixed_/.test(dtype) ? 'float32' : camelCase(dtype);
}

function camelCase(word: string): string {
  return word.length <= 1 ? word : word.replace(/_+(\w|$)/g, (_, letter: string) => letter.toUpperCase());
}
