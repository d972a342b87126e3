/** The type a layer's conversion is written in. */
import type { NdArray } from '../core/array';
import type { Config } from '../core/checkpoint';
import type { Refuse } from '../core/json';
import type { Builder } from './builder';
import type { Dim } from './model';
import type { Value } from './value';

/** One call of a layer. */
export interface OnnxCall {
  readonly path: string;
  readonly config: Config;
  readonly weights: readonly NdArray[];
  readonly inputs: readonly Value[];
  /** Sizes of what it gives, as tf.js has them. */
  readonly outputs: readonly (readonly Dim[])[];
  readonly graph: Builder;
  /** Whether some layer of the model says which steps count. */
  readonly masked: boolean;
  /** Throws the one error, which names the layer. */
  readonly refuse: Refuse;
  /** What the model inside a wrapper makes of its inputs. */
  inside(inputs: readonly Value[]): readonly Value[];
}

/** How a layer class is said in ONNX. */
export interface Conversion {
  readonly className: string;
  /** Its inputs come as whole numbers where they are such; else as floats. */
  readonly integers?: true;
  /** What is open in the size of its first input is as large in what it gives. */
  readonly keepsSizes?: true;
  /** It hands on which steps of its first input count, as tf.js does. */
  readonly keepsMask?: true;
  convert(call: OnnxCall): Value | readonly Value[];
}
