/** Pooling, padding and upsampling: they move positions about and leave channels alone. */
import type { Config } from '../core/checkpoint';
import { identity, type Arithmetic } from './arithmetic';
import { padding } from './pointwise';
import { always, numbersOf, unitsAlong, type LayerRule, type Shape } from './rule';
import { channelAxis, slide, windowOf } from './spatial';

export const maxPooling1d = pooling('MaxPooling1D', 1);
export const maxPooling2d = pooling('MaxPooling2D', 2);
export const maxPooling3d = pooling('MaxPooling3D', 3);
export const averagePooling1d = pooling('AveragePooling1D', 1);
export const averagePooling2d = pooling('AveragePooling2D', 2);
export const averagePooling3d = pooling('AveragePooling3D', 3);
export const globalMaxPooling1d = globalPooling('GlobalMaxPooling1D');
export const globalMaxPooling2d = globalPooling('GlobalMaxPooling2D');
export const globalAveragePooling1d: LayerRule = { ...globalPooling('GlobalAveragePooling1D'), turns: always };
export const globalAveragePooling2d = globalPooling('GlobalAveragePooling2D');

export const zeroPadding2d = spatial(
  'ZeroPadding2D',
  ['padding'],
  (size, config, d) => {
    const [before, after] = (config.padding as readonly (readonly number[])[])[d];
    return size + before + after;
  },
  padding,
);

export const upSampling2d = spatial('UpSampling2D', ['size', 'interpolation'], (size, config, d) => {
  return size * numbersOf(config, 'size', 2, 2)[d];
});

export const cropping2d = spatial('Cropping2D', ['cropping'], (size, config, d) => {
  const [before, after] = (config.cropping as readonly (readonly number[])[])[d];
  return size - before - after;
});

export const centerCrop = spatial('CenterCrop', ['height', 'width'], (_size, config, d) => {
  return Number(d === 0 ? config.height : config.width);
});

/** A layer that changes only the sizes of the two image axes. */
function spatial(
  className: string,
  keys: readonly string[],
  resized: (size: number, config: Config, d: number) => number,
  arithmetic: Arithmetic = identity,
): LayerRule {
  return {
    className,
    arithmetic: alongChannels(arithmetic),
    understands: [...keys, 'dataFormat'],
    trace(call) {
      const { shape } = call.inputs[0];
      const axis = channelAxis(call.config, shape.length);
      const width = unitsAlong(call, axis);
      let dimension = 0;
      const sizes: Shape = shape.map((size, a) => {
        if (a === 0 || a === axis) return size;
        const d = dimension++;
        return size === null ? null : resized(size, call.config, d);
      });
      return { outputs: [{ shape: sizes, axis, width }] };
    },
  };
}

function pooling(className: string, dimensions: number): LayerRule {
  return {
    className,
    arithmetic: alongChannels(identity),
    understands: ['poolSize', 'strides', 'padding', 'dataFormat'],
    trace(call) {
      const { shape } = call.inputs[0];
      const axis = channelAxis(call.config, shape.length);
      const width = unitsAlong(call, axis);
      const window = windowOf(call.config, dimensions, numbersOf(call.config, 'poolSize', dimensions, 2));
      return { outputs: [{ shape: slide(shape, window, axis, shape[axis]), axis, width }] };
    },
  };
}

function globalPooling(className: string): LayerRule {
  return {
    className,
    arithmetic: alongChannels(identity),
    understands: ['dataFormat'],
    trace(call) {
      const { shape } = call.inputs[0];
      const axis = channelAxis(call.config, shape.length);
      return { outputs: [{ shape: [shape[0], shape[axis]], axis: 1, width: unitsAlong(call, axis) }] };
    },
  };
}

/** For an input whose units are its channels. */
function alongChannels({ linear }: Arithmetic): Arithmetic {
  return {
    linear: call => {
      const [{ axis, shape }] = call.inputs;
      return axis === channelAxis(call.config, shape.length) ? linear!(call) : undefined;
    },
  };
}
