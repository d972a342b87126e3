/** Arithmetic of layers that multiply by a kernel: dense, convolved, depthwise, separable. */
import type { NdArray } from '../core/array';
import type { Config } from '../core/checkpoint';
import {
  scaled,
  unknown,
  type Arithmetic,
  type Constant,
  type ConstantCall,
  type ConstantInput,
  type RowReader,
  type RowsCall,
} from './arithmetic';
import { activationOf, bent, isBent } from './curves';
import { channelAxis, windowOf, type Window } from './spatial';
import { contract, SINGLE, startAlong, viewOf, type Kernel } from './taps';

/** `[in, out]` on the last axis. */
export const dense: Arithmetic = kernelled(
  1,
  ({ weights: [kernel], inputs: [input] }) =>
    contract(along(input, input.shape.length - 1, kernel.shape[0]), mixing(kernel), SINGLE),
  {
    kernel: 0,
    bias: 1,
    of({ input: { shape, data } }) {
      const length = shape[shape.length - 1];
      const places = data.length / shape[0] / length;
      return {
        length,
        places,
        read: (example, place, into) => copy(data, (example * places + place) * length, length, into, 0),
      };
    },
  },
);

/** `[...window, in, out]` over images of `dimensions` axes. */
export function convolved(dimensions: number): Arithmetic {
  return kernelled(1, call => slid(call, dimensions, mixing(call.weights[0])), {
    kernel: 0,
    bias: 1,
    of: call => patches(call, windowOver(call, dimensions), dimensions),
  });
}

/** `[...window, in, multiplier]`: every input has outputs of its own. tf.js ignores the dilation. */
export const depthwise: Arithmetic = kernelled(1, call => slid(call, 2, apart(call.weights[0]), false));

/** Depthwise, then `[1, 1, in x multiplier, out]`. */
export const separable: Arithmetic = kernelled(
  2,
  call => {
    const apartly = slid(call, 2, apart(call.weights[0]));
    return contract(apartly, mixing(call.weights[1]), SINGLE);
  },
  { kernel: 1, bias: 2, of: call => filteredPatches(call) },
);

/** A linear part by a kernel, then the bias (weight number `bias`) and the activation. */
function kernelled(bias: number, linear: (call: ConstantCall) => Constant, rows?: Arithmetic['rows']): Arithmetic {
  return {
    linear,
    rows,
    bends: isBent,
    constant(call) {
      const curve = activationOf(call.config);
      if (!curve) return undefined;
      const sum = linear(call);
      const added = call.config.useBias === false ? undefined : call.weights[bias].data;
      const full = added ? scaled(sum, () => 1, i => added[i]) : sum; // prettier-ignore
      return bent(full, () => curve);
    },
  };
}

/** Every input adds to every output. */
function mixing({ data, shape }: NdArray): Kernel {
  const [inputs, outputs] = shape.slice(-2);
  return { data, inputs, outputs, each: outputs, base: () => 0 };
}

function apart({ data, shape }: NdArray): Kernel {
  const [inputs, each] = shape.slice(-2);
  return { data, inputs, each, outputs: inputs * each, base: input => input * each };
}

function slid(call: ConstantCall, dimensions: number, kernel: Kernel, dilates = true): Constant {
  const [input] = call.inputs;
  const axis = channelAxis(call.config, input.shape.length);
  const window = windowOver(call, dimensions);
  const dilation = dilates ? window.dilation : window.dilation.map(() => 1);
  return contract(along(input, axis, kernel.inputs), kernel, viewOf(input.shape, axis, { ...window, dilation }));
}

/** What is held along the axis that the kernel reads; nothing is known where the units lie on another. */
function along({ constant, axis }: ConstantInput, read: number, length: number): Constant {
  return axis === read ? constant : unknown(length);
}

function windowOver(call: { readonly config: Config; readonly weights: readonly NdArray[] }, dimensions: number) {
  return windowOf(call.config, dimensions, call.weights[0].shape.slice(0, dimensions));
}

/** The numbers under the window at each place: taps row-major, channels within; zeros outside of the image. */
function patches({ config, input: { shape, data } }: RowsCall, window: Window, dimensions: number): RowReader {
  const axis = channelAxis(config, shape.length);
  const channels = shape[axis];
  const strides = shape.map((_, a) => shape.slice(a + 1).reduce((product, size) => product * size, 1));
  const axes = [...shape.keys()].filter(a => a > 0 && a !== axis);
  const starts = axes.map((a, d) => startAlong(shape[a], window, d));
  const taps = window.size.reduce((product, size) => product * size, 1);
  const fill = (at: number, d: number, origin: readonly number[], into: Float64Array, to: number): number => {
    if (d === dimensions) return copy(data, at, channels, into, to, strides[axis]);
    for (let tap = 0; tap < window.size[d]; tap++) {
      const position = origin[d] + tap * window.dilation[d];
      const inside = at >= 0 && position >= 0 && position < shape[axes[d]];
      to = fill(inside ? at + position * strides[axes[d]] : -1, d + 1, origin, into, to);
    }
    return to;
  };
  return {
    length: taps * channels,
    places: starts.reduce((product, { places }) => product * places, 1),
    read(example, place, into) {
      const origin = new Array<number>(dimensions);
      for (let d = dimensions - 1, rest = place; d >= 0; d--) {
        origin[d] = starts[d].first + (rest % starts[d].places) * window.strides[d];
        rest = Math.floor(rest / starts[d].places);
      }
      fill(example * strides[0], 0, origin, into, 0);
    },
  };
}

/** What the depthwise half of a separable convolution gives at each place. */
function filteredPatches(call: RowsCall): RowReader {
  const [{ shape, data }] = call.weights;
  const [channels, each] = shape.slice(-2);
  const { length, places, read } = patches(call, windowOver(call, 2), 2);
  const patch = new Float64Array(length);
  return {
    length: channels * each,
    places,
    read(example, place, into) {
      read(example, place, patch);
      into.fill(0, 0, channels * each);
      for (let i = 0; i < length; i++) {
        const to = (i % channels) * each;
        for (let j = 0; j < each; j++) into[to + j] += patch[i] * data[i * each + j];
      }
    },
  };
}

/** Copies `count` numbers, `step` apart, and returns where the copy ends; zeros where `from` lies outside (negative). */
function copy(data: ArrayLike<number>, from: number, count: number, into: Float64Array, to: number, step = 1): number {
  if (from < 0) into.fill(0, to, to + count);
  else for (let i = 0; i < count; i++) into[to + i] = data[from + i * step];
  return to + count;
}
