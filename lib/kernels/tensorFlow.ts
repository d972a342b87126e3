/**
 * Calling operations of TensorFlow without tensors of tf.js in between: a function of tf.js takes some 30 microseconds beside the 10 to 30
 * of a small operation, and stock kernels are made of several.
 */
import type {
  DataType,
  KernelConfig,
  KernelFunc,
  NamedAttrMap,
  NamedTensorInfoMap,
  TensorInfo,
} from '@tensorflow/tfjs-core';

/** What these kernels use of the backend class of `@tensorflow/tfjs-node`. */
export interface NativeBackend {
  readonly binding: Binding;
  /** The handles of tensors; they stay the tensors' own. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  createOutputTensor(output: Output): TensorInfo;
  /** One more `disposeData` is needed. */
  incRef(dataId: object): void;
}

/** The addon itself. Whoever asks it for a handle deletes it, or gives it to a tensor. */
interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_BOOL: number;
  createTensor(shape: readonly number[], dtype: number, values: Int32Array | Float32Array): number;
  deleteTensor(id: number): void;
  executeOp(name: string, attributes: readonly Attribute[], ids: readonly number[], outputs: number): Output[];
}

interface Output {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | string | boolean | readonly number[];
}

/** One operation: its name and attributes, and the inputs after the first. */
export interface Step {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  readonly others: readonly TensorInfo[];
  /** Of which the first is taken. */
  readonly outputs?: number;
}

/** What a kernel function is called with. */
export interface NativeCall<Inputs, Attributes> {
  readonly inputs: Inputs;
  readonly backend: NativeBackend;
  readonly attrs: Attributes;
}

/** A kernel that takes a call, or leaves it to the stock one by giving nothing. */
export function before<I, A>(
  stock: KernelConfig,
  kernel: (call: NativeCall<I, A>) => TensorInfo | undefined,
): KernelConfig {
  const stockKernel = stock.kernelFunc;
  const kernelFunc = (call: { inputs: NamedTensorInfoMap; attrs?: NamedAttrMap; backend: unknown }) =>
    kernel(call as unknown as NativeCall<I, A>) ?? stockKernel(call as Parameters<KernelFunc>[0]);
  return { ...stock, kernelFunc: kernelFunc };
}

/** Runs the steps one after the other, each on what the one before gave. */
export function pipe(backend: NativeBackend, x: TensorInfo, steps: readonly Step[]): TensorInfo {
  const { binding } = backend;
  let result: Output | undefined;
  for (const { name, attributes, others, outputs = 1 } of steps) {
    const ids = backend.getInputTensorIds(result === undefined ? [x, ...others] : others);
    const previous = result;
    if (previous !== undefined) ids.unshift(previous.id);
    try {
      const [first, ...rest] = binding.executeOp(name, attributes, ids, outputs);
      for (const { id } of rest) binding.deleteTensor(id);
      result = first;
    } finally {
      if (previous !== undefined) binding.deleteTensor(previous.id);
    }
  }
  return backend.createOutputTensor(result!);
}

/** Runs an operation on handles and gives the handle of its result, which is deleted with the others when all is done. */
export type Run = (name: string, ids: readonly number[], attributes?: readonly Attribute[]) => number;

/** What several operations give of `inputs`, where some take the results of more than one. */
export function compose(
  backend: NativeBackend,
  inputs: readonly TensorInfo[],
  work: (run: Run, ids: readonly number[]) => number,
): TensorInfo {
  const { binding } = backend;
  const made = new Map<number, Output>();
  const run: Run = (name, ids, given = onlyType(backend, 'T')) => {
    const [output] = binding.executeOp(name, given, ids, 1);
    made.set(output.id, output);
    return output.id;
  };
  try {
    const result = made.get(work(run, backend.getInputTensorIds(inputs)))!;
    made.delete(result.id);
    return backend.createOutputTensor(result);
  } finally {
    for (const id of made.keys()) binding.deleteTensor(id);
  }
}

/** The type of floats, and what an operation is told besides; it has defaults for the rest. */
export function attributes(
  { binding }: NativeBackend,
  values: Readonly<Record<string, string | boolean | readonly number[]>> = {},
  floats: Readonly<Record<string, number>> = {},
): readonly Attribute[] {
  const typeOf = (value: string | boolean | readonly number[]): number => {
    if (typeof value === 'string') return binding.TF_ATTR_STRING;
    return typeof value === 'boolean' ? binding.TF_ATTR_BOOL : binding.TF_ATTR_INT;
  };
  return [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    ...Object.entries(values).map(([name, value]) => ({ name, type: typeOf(value), value })),
    ...Object.entries(floats).map(([name, value]) => ({ name, type: binding.TF_ATTR_FLOAT, value })),
  ];
}

/** Attributes made once for each key, and kept: layers have few different ones, and each asks for the same every time. */
export function remembered<K extends string | number>(
  make: (backend: NativeBackend, key: K) => readonly Attribute[],
): (backend: NativeBackend, key: K) => readonly Attribute[] {
  const made = new WeakMap<Binding, Map<K, readonly Attribute[]>>();
  return (backend, key) => {
    let own = made.get(backend.binding);
    if (own === undefined) made.set(backend.binding, (own = new Map<K, readonly Attribute[]>()));
    let value = own.get(key);
    if (value === undefined) own.set(key, (value = make(backend, key)));
    return value;
  };
}

const onlyType = remembered<'T'>(backend => attributes(backend));

/** An operation without attributes but the type. */
export function plainly(backend: NativeBackend, name: string, ...others: readonly TensorInfo[]): Step {
  return { name, attributes: onlyType(backend, 'T'), others };
}

export function isFloat(...tensors: readonly { readonly dtype: DataType }[]): boolean {
  return tensors.every(({ dtype }) => dtype === 'float32');
}

const OPERATIONS: Readonly<Record<string, string>> = { relu: 'Relu', relu6: 'Relu6', elu: 'Elu', sigmoid: 'Sigmoid' };

/** Of fused kernels. No step for none; nothing for one that is left to the stock kernel. */
export function activationOf(backend: NativeBackend, activation: string, alpha?: number): readonly Step[] | undefined {
  if (activation === 'linear') return [];
  const name = OPERATIONS[activation];
  if (name !== undefined) return [plainly(backend, name)];
  if (activation !== 'leakyrelu' || alpha === undefined) return undefined;
  return [{ name: 'LeakyRelu', attributes: attributes(backend, {}, { alpha }), others: [] }];
}
