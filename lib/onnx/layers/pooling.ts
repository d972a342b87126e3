/** Pooling, padding, cropping and upsampling. */
import { numbersOf } from '../../rules/rule';
import { windowOf } from '../../rules/spatial';
import type { Conversion, OnnxCall } from '../conversion';
import { madeOrder, positionsIn, read, valueOf, type Order, type Value } from '../value';
import { image } from './convolution';
import { imageAxes, slidingOver } from './windows';

export const maxPooling1d = pooling('MaxPooling1D', 1, 'MaxPool');
export const maxPooling2d = pooling('MaxPooling2D', 2, 'MaxPool');
export const maxPooling3d = pooling('MaxPooling3D', 3, 'MaxPool');
/** What is padded does not count, neither here nor there. */
export const averagePooling1d = pooling('AveragePooling1D', 1, 'AveragePool');
export const averagePooling2d = pooling('AveragePooling2D', 2, 'AveragePool');
export const averagePooling3d = pooling('AveragePooling3D', 3, 'AveragePool');
export const globalMaxPooling1d = globalPooling('GlobalMaxPooling1D', 'ReduceMax');
export const globalMaxPooling2d = globalPooling('GlobalMaxPooling2D', 'ReduceMax');
export const globalAveragePooling1d = globalPooling('GlobalAveragePooling1D', 'ReduceMean');
export const globalAveragePooling2d = globalPooling('GlobalAveragePooling2D', 'ReduceMean');

function pooling(className: string, dimensions: number, op: string): Conversion {
  return {
    className,
    convert(call) {
      const { name, order, sizes } = image(call);
      const window = windowOf(call.config, dimensions, numbersOf(call.config, 'poolSize', dimensions, 2));
      return valueOf(call.graph.node(op, [name], slidingOver(sizes, window)), call.outputs[0], order);
    },
  };
}

function globalPooling(className: string, op: string): Conversion {
  return {
    className,
    convert({ graph, config, inputs: [input], outputs }) {
      const order = madeOrder(input);
      const gone = imageAxes(config, order.length);
      const attributes = { axes: { ints: positionsIn(order, gone) }, keepdims: { int: 0 } };
      const name = graph.node(op, [read(graph, input, order)], attributes);
      const [first] = order.filter(axis => !gone.includes(axis));
      return valueOf(name, outputs[0], first === 0 ? [0, 1] : [1, 0]);
    },
  };
}

export const zeroPadding2d = spatial('ZeroPadding2D', ({ graph, config }, x, order, axes) => {
  const pads = new Array<number>(2 * order.length).fill(0);
  (config.padding as Pairs).forEach(([before, after], d) => {
    pads[order.indexOf(axes[d])] = before;
    pads[order.length + order.indexOf(axes[d])] = after;
  });
  return graph.node('Pad', [x, graph.ints(pads), graph.float(0)]);
});

/** Beyond every size. */
const END = 2 ** 31 - 1;

export const cropping2d = spatial('Cropping2D', ({ graph, config }, x, order, axes) => {
  const pairs = config.cropping as Pairs;
  const starts = pairs.map(([before]) => before);
  const ends = pairs.map(([, after]) => (after === 0 ? END : -after));
  return graph.node('Slice', [x, graph.ints(starts), graph.ints(ends), graph.ints(positionsIn(order, axes))]);
});

export const upSampling2d: Conversion = {
  className: 'UpSampling2D',
  convert(call) {
    const { graph, config, outputs } = call;
    const { name, order } = image(call);
    const scales = graph.floats([1, 1, ...numbersOf(config, 'size', 2, 2)]);
    const nearest = config.interpolation !== 'bilinear';
    const attributes = {
      mode: { text: nearest ? 'nearest' : 'linear' },
      coordinate_transformation_mode: { text: 'asymmetric' },
      ...(nearest && { nearest_mode: { text: 'floor' } }),
    };
    return valueOf(graph.node('Resize', [name, '', scales], attributes), outputs[0], order);
  },
};

/** tf.js picks the nearest rows and columns on a grid that hardly ever lies on pixels. */
export const centerCrop = spatial('CenterCrop', ({ graph, config, inputs: [input], refuse }, x, order, axes) =>
  axes.reduce((rows, axis, d) => {
    const size = input.dims[axis];
    const target = Number(d === 0 ? config.height : config.width);
    if (typeof size !== 'number' || size < target) return refuse('an image of known size to crop', `${size}`);
    const indices = graph.ints(croppedPlaces(size, target, d === 1));
    return graph.node('Gather', [rows, indices], { axis: { int: order.indexOf(axis) } });
  }, x),
);

type Pairs = readonly (readonly [number, number])[];

/** A layer that changes only the sizes of images, wherever their channels lie. */
function spatial(
  className: string,
  of: (call: OnnxCall, x: string, order: Order, axes: readonly number[]) => string,
): Conversion {
  return {
    className,
    convert(call): Value {
      const { graph, config, inputs, outputs } = call;
      const order = madeOrder(inputs[0]);
      const name = of(call, read(graph, inputs[0], order), order, imageAxes(config, order.length));
      return valueOf(name, outputs[0], order);
    },
  };
}

/** Which of `size` rows tf.js takes as its `target`; of columns it leaves out at least one where any must go. */
function croppedPlaces(size: number, target: number, columns: boolean): number[] {
  const half = Math.floor((size - target) / 2);
  const start = columns && size !== target ? Math.max(half, 1) : half;
  const [first, last] = [start, start + target].map(place => (place / size) * (size - 1));
  if (target === 1) return [Math.round((first + last) / 2)];
  return Array.from({ length: target }, (_, i) => Math.round(first + (i * (last - first)) / (target - 1)));
}
