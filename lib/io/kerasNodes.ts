/** The calls of layers in a config: the lists of Keras 1 and 2 and of tf.js, and the call arguments of Keras 3. */
import type { InboundNode } from '../core/checkpoint';
import { readValue, type Dialect } from './kerasConfig';
import { describe, isIndex, isRecord, type Json } from '../core/json';

export type Reference = readonly [string, number, number];

/**
 * The inputs of one call of the layer `name`. tf.js counts the making of a nested model (a layer of `containers`) as its call
 * 0, Keras 3 does not.
 * @throws what `refuse` throws for arguments that are not tensors in their places.
 */
export function readNode(node: unknown, name: string, containers: ReadonlySet<string>, dialect: Dialect): InboundNode {
  if (isCallOfKeras3(node)) {
    const { tensors, settings } = readArguments(node, name, dialect);
    return tensors.map(([layer, call, tensor]) => [layer, call + (containers.has(layer) ? 1 : 0), tensor, settings]);
  }
  if (!Array.isArray(node)) return dialect.refuse(`calls of layer "${name}"`, describe(node));
  return node.map(input => {
    const [layer, call, tensor, settings] = readReference(input, dialect);
    return settings === undefined ? [layer, call, tensor] : [layer, call, tensor, settings];
  });
}

export function isCallOfKeras3(node: unknown): node is Json {
  return isRecord(node) && Array.isArray(node.args);
}

/**
 * `input_layers` or `output_layers`: Keras 3 leaves out the outer list of a single one, and does not count the making of the
 * nested models in `uncounted`.
 */
export function readEnds(
  key: string,
  ends: unknown,
  uncounted: ReadonlySet<string>,
  dialect: Dialect,
): readonly Reference[] {
  if (!Array.isArray(ends) || ends.length === 0) return dialect.refuse(`a list ${key}`, describe(ends));
  const list = typeof ends[0] === 'string' ? [ends] : (ends as unknown[]);
  return list.map(end => {
    const [layer, call, tensor] = readReference(end, dialect);
    return [layer, call + (uncounted.has(layer) ? 1 : 0), tensor];
  });
}

function readReference(input: unknown, dialect: Dialect): readonly [string, number, number, Json?] {
  const [layer, call, tensor, settings] = Array.isArray(input) ? (input as unknown[]) : [];
  if (typeof layer !== 'string' || !isIndex(call) || !isIndex(tensor)) {
    return dialect.refuse('references [layer, call, tensor]', describe(input));
  }
  if (settings == null) return [layer, call, tensor];
  if (!isRecord(settings)) return dialect.refuse('call arguments by name', describe(settings));
  const hidden = Object.values(settings).find(isReference);
  if (hidden !== undefined) refuseTensor(layer, hidden, dialect);
  return [layer, call, tensor, readValue(settings, '', dialect) as Json];
}

function readArguments({ args, kwargs }: Json, name: string, dialect: Dialect) {
  if (kwargs != null && !isRecord(kwargs)) return dialect.refuse('call arguments by name', describe(kwargs));
  const [first, ...others] = args as unknown[];
  const given = Object.entries(kwargs ?? {}).filter(([, value]) => value != null);
  const odd = others.find(value => value != null) ?? given.map(([, value]) => value).find(holdsTensor);
  if (odd !== undefined) refuseTensor(name, odd, dialect);
  const tensors = (Array.isArray(first) ? (first as unknown[]) : [first]).map(tensor => {
    const { keras_history: history } = isTensor(tensor) ? (tensor.config as Json) : ({} as Json);
    const [layer, call, index] = readReference(history, dialect);
    return [layer, call, index] as const;
  });
  return { tensors, settings: readValue(Object.fromEntries(given), '', dialect) as Json };
}

function refuseTensor(name: string, got: unknown, { refuse }: Dialect): never {
  const cure = 'tf.js cannot be told of others; call the layer with a single tensor or a list of them.';
  return refuse(`layer "${name}" to be called with its inputs alone`, describe(got), cure);
}

function isTensor(value: unknown): value is Json {
  return isRecord(value) && value.class_name === '__keras_tensor__' && isRecord(value.config);
}

function holdsTensor(value: unknown): boolean {
  return isTensor(value) || (typeof value === 'object' && value !== null && Object.values(value).some(holdsTensor));
}

function isReference(value: unknown): boolean {
  return Array.isArray(value) && value.length >= 3 && typeof value[0] === 'string' && isIndex(value[1]);
}
