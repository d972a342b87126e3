/** What an ONNX model says, as plain data. */
import type { NdArray } from '../core/array';

/** Of its default domain; what came later is not everywhere, and nothing of it is needed. */
export const OPSET = 17;
/** The version of the format that came with {@link OPSET}. */
export const IR_VERSION = 8;

export type ElementType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool';

/** Their numbers in the enumeration of onnx.proto. */
export const ELEMENT_TYPES: Readonly<Record<ElementType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
};

/** A size, or the name of one that is open. */
export type Dim = number | string;

export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  /** An empty name stands for an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: NdArray['data'] | Float64Array | BigInt64Array;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  /** Absent: any. */
  readonly dims?: readonly Dim[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}
