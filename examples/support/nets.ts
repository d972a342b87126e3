/** The nets of the examples: convolution, BatchNormalization, ReLU; every initial weight follows from the seed. */
import * as tf from '@tensorflow/tfjs-layers';
import type { SymbolicTensor } from '@tensorflow/tfjs-layers';

type Step = (x: SymbolicTensor) => SymbolicTensor;

/** An image: `side` x `side` pixels of one gray value, or of `channels`. */
export interface ImageSize {
  readonly side: number;
  readonly channels: number;
}

/** A residual net: a stem and one stage per entry of `widths`, each of `blocks` two-convolution blocks; stages after the first halve the image. */
export function residualNet(
  image: number | ImageSize,
  widths: readonly number[],
  blocks: number,
  seed: number,
  stemStride = 1,
): tf.LayersModel {
  const { convolution, input, finish } = parts(image, seed);
  let x = convolution('stem', widths[0], 3, stemStride)(input);
  widths.forEach((width, stage) => {
    for (let block = 0; block < blocks; block++) {
      const name = `stage${stage + 1}_block${block + 1}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const narrow = convolution(`${name}_conv1`, width, 3, stride)(x);
      const branch = convolution(`${name}_conv2`, width, 3, 1, false)(narrow);
      const resized = stride > 1 || x.shape[3] !== width;
      const shortcut = resized ? convolution(`${name}_shortcut`, width, 1, stride, false)(x) : x;
      const sum = tf.layers.add({ name: `${name}_add` }).apply([branch, shortcut]) as SymbolicTensor;
      x = tf.layers.reLU({ name: `${name}_relu` }).apply(sum) as SymbolicTensor;
    }
  });
  return finish(x, 'residual');
}

/** A small VGG: pairs of convolutions, each pair followed by max pooling; the first convolution may halve the image. */
export function vggNet(
  image: number | ImageSize,
  widths: readonly number[],
  seed: number,
  stemStride = 1,
): tf.LayersModel {
  const { convolution, input, finish } = parts(image, seed);
  let x = input;
  widths.forEach((width, stage) => {
    x = convolution(`conv${stage + 1}a`, width, 3, stage === 0 ? stemStride : 1)(x);
    x = convolution(`conv${stage + 1}b`, width, 3, 1)(x);
    if (stage < widths.length - 1) {
      x = tf.layers.maxPooling2d({ poolSize: 2, name: `pool${stage + 1}` }).apply(x) as SymbolicTensor;
    }
  });
  return finish(x, 'vgg');
}

/** A stem, then a depthwise and a pointwise convolution for every further width; every second one halves the image. */
export function depthwiseNet(
  image: number | ImageSize,
  widths: readonly number[],
  seed: number,
  stemStride = 1,
): tf.LayersModel {
  const { convolution, depthwise, input, finish } = parts(image, seed);
  let x = convolution('stem', widths[0], 3, stemStride)(input);
  widths.slice(1).forEach((width, i) => {
    x = depthwise(`depthwise${i + 1}`, 3, 1 + (i % 2))(x);
    x = convolution(`pointwise${i + 1}`, width, 1, 1)(x);
  });
  return finish(x, 'depthwise');
}

function parts(image: number | ImageSize, seed: number) {
  const { side, channels } = typeof image === 'number' ? { side: image, channels: 1 } : image;
  let made = 0;
  const kernelInitializer = () => tf.initializers.heNormal({ seed: seed * 1000 + ++made });
  const input = tf.input({ shape: [side, side, channels], name: 'image' });
  const normalized = (x: ReturnType<tf.layers.Layer['apply']>, name: string, relu = true): SymbolicTensor => {
    const norm = tf.layers.batchNormalization({ name: `${name}_bn`, momentum: 0.9 }).apply(x) as SymbolicTensor;
    return relu ? (tf.layers.reLU({ name: `${name}_relu` }).apply(norm) as SymbolicTensor) : norm;
  };
  const convolution = (name: string, filters: number, kernelSize: number, strides: number, relu = true): Step => {
    return x => {
      const layer = { name, filters, kernelSize, strides, padding: 'same', useBias: false } as const;
      const conv = tf.layers.conv2d({ ...layer, kernelInitializer: kernelInitializer() });
      return normalized(conv.apply(x), name, relu);
    };
  };
  const depthwise = (name: string, kernelSize: number, strides: number): Step => {
    return x => {
      const layer = { name, kernelSize, strides, padding: 'same', useBias: false } as const;
      const conv = tf.layers.depthwiseConv2d({ ...layer, depthwiseInitializer: kernelInitializer() });
      return normalized(conv.apply(x), name);
    };
  };
  const finish = (x: SymbolicTensor, name: string): tf.LayersModel => {
    const pooled = tf.layers.globalAveragePooling2d({ name: 'pool' }).apply(x);
    const head = tf.layers.dense({
      units: 10,
      activation: 'softmax',
      name: 'head',
      kernelInitializer: kernelInitializer(),
    });
    return tf.model({ inputs: input, outputs: head.apply(pooled) as SymbolicTensor, name });
  };
  return { convolution, depthwise, input, finish };
}
