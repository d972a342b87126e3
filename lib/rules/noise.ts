/** Layers that act only in training, and simple arithmetic on what passes. */
import type { Config } from '../core/checkpoint';
import { identity, scaled } from './arithmetic';
import { always, passThrough, type LayerRule, type Shape } from './rule';

export const dropout = inTraining('Dropout', ['rate', 'noiseShape', 'seed']);
export const spatialDropout1d = inTraining('SpatialDropout1D', ['rate', 'seed']);
export const gaussianNoise = inTraining('GaussianNoise', ['stddev']);
export const gaussianDropout = inTraining('GaussianDropout', ['rate']);
export const alphaDropout = inTraining('AlphaDropout', ['rate', 'noiseShape']);

export const rescaling: LayerRule = {
  className: 'Rescaling',
  understands: ['scale', 'offset'],
  trace(call) {
    const [flow] = call.inputs;
    if (Number(call.config.offset ?? 0) !== 0) call.shift(flow.width, `"${call.path}" adds a constant`);
    return { outputs: [flow] };
  },
  arithmetic: {
    linear: ({ config, inputs: [{ constant }] }) => scaled(constant, () => Number(config.scale ?? 1)),
    constant: ({ config, inputs: [{ constant }] }) =>
      scaled(
        constant,
        () => Number(config.scale ?? 1),
        () => Number(config.offset ?? 0),
      ),
  },
};

/** A step is left out where all of its features equal one value. */
export const masking: LayerRule = {
  className: 'Masking',
  understands: ['maskValue'],
  trace(call) {
    const [flow] = call.inputs;
    call.freeze(flow.width, `"${call.path}" looks at all of them to find the steps to leave out`);
    return { outputs: [flow] };
  },
};

/** It changes the width of images at random, in predictions too; tf.js states a shape for it that is not what it does. */
export const randomWidth = unusable('RandomWidth', ['factor', 'interpolation'], (_, channels) => [null, -1, channels]);
export const resizing = unusable(
  'Resizing',
  ['height', 'width', 'interpolation', 'cropToAspectRatio'],
  ({ height, width }, channels) => [Number(height), Number(width), channels],
);

/** In a prediction it does nothing. */
function inTraining(className: string, understands: readonly string[]): LayerRule {
  return { ...passThrough(className, understands, identity), turns: always };
}

/** For layers that tf.js 4.22 itself cannot run inside a model: traced to what it says of them, and frozen. */
function unusable(
  className: string,
  understands: readonly string[],
  shapeOf: (config: Config, channels: number | null) => Shape,
): LayerRule {
  return {
    className,
    understands,
    trace(call) {
      const reason = `tf.js cannot run "${call.path}" (${className}) inside a model`;
      const [flow] = call.inputs;
      call.freeze(flow.width, reason);
      const shape = shapeOf(call.config, flow.shape[2]);
      const width = call.fresh('out', shape[2] ?? 0, 'features');
      call.freeze(width, reason);
      return { outputs: [{ shape, axis: 2, width }] };
    },
  };
}
