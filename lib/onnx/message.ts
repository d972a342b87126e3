/** A model as the messages of {@link SCHEMA}, in the form that protobufjs encodes. */
import type { Refuse } from '../core/json';
import { VERSION } from '../core/version';
import { ELEMENT_TYPES, IR_VERSION, OPSET, type Attribute, type OnnxGraph, type OnnxNode, type OnnxTensor, type OnnxValue } from './model'; // prettier-ignore

/** A message of Protocol Buffers cannot be longer; the nodes and names take part of it. */
const MOST_BYTES = 2 ** 31 - 2 ** 24;

export function messageOf(graph: OnnxGraph): Record<string, unknown> {
  return {
    irVersion: IR_VERSION,
    producerName: 'tfjs-prune',
    producerVersion: VERSION,
    graph: graphMessage(graph),
    opsetImport: [{ domain: '', version: OPSET }],
  };
}

/** @throws what `refuse` throws for weights that one file cannot hold. */
export function requireRoom(
  tensors: readonly { readonly data: { readonly byteLength: number } }[],
  refuse: Refuse,
): void {
  const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes <= MOST_BYTES) return;
  refuse(`at most ${MOST_BYTES} bytes of weights, which one file can hold`, `${bytes}`, 'Prune more of it, or write it by saveHuggingFace and export it there.'); // prettier-ignore
}

function graphMessage({ name, nodes, initializers, inputs, outputs }: OnnxGraph): Record<string, unknown> {
  return {
    name,
    node: nodes.map(nodeMessage),
    initializer: initializers.map(tensorMessage),
    input: inputs.map(valueMessage),
    output: outputs.map(valueMessage),
  };
}

function nodeMessage({ op, name, inputs, outputs, attributes }: OnnxNode): Record<string, unknown> {
  const attribute = Object.entries(attributes).map(([key, value]) => ({ name: key, ...attributeMessage(value) }));
  return { input: inputs, output: outputs, name, opType: op, attribute };
}

/** With the number of its kind in the enumeration of onnx.proto. */
function attributeMessage(attribute: Attribute): Record<string, unknown> {
  if ('float' in attribute) return { f: attribute.float, type: 1 };
  if ('int' in attribute) return { i: attribute.int, type: 2 };
  if ('text' in attribute) return { s: bytesOf(attribute.text), type: 3 };
  if ('graph' in attribute) return { g: graphMessage(attribute.graph), type: 5 };
  if ('floats' in attribute) return { floats: attribute.floats, type: 6 };
  if ('ints' in attribute) return { ints: attribute.ints, type: 7 };
  return { strings: attribute.texts.map(bytesOf), type: 8 };
}

function tensorMessage({ name, type, dims, data }: OnnxTensor): Record<string, unknown> {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dims, dataType: ELEMENT_TYPES[type], name, rawData };
}

function valueMessage({ name, type, dims }: OnnxValue): Record<string, unknown> {
  const dim = dims?.map(size => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[type], ...(dim && { shape: { dim } }) } } };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
