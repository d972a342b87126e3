/** VGG with BatchNormalization: Simonyan and Zisserman 2014, 1409.1556, table 1, columns D and E. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { image, modelOf, parts, scaler, type NetOptions } from './parts';

export const vgg16 = (options: NetOptions = {}): LayersModel => vgg('vgg16', [2, 2, 3, 3, 3], options);
export const vgg19 = (options: NetOptions = {}): LayersModel => vgg('vgg19', [2, 2, 4, 4, 4], options);

function vgg(
  name: string,
  convolutions: readonly number[],
  { width = 1, side = 224, classes = 1000 }: NetOptions,
): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const input = image(side);
  let x = input;
  for (const [stage, channels] of [64, 128, 256, 512, 512].entries()) {
    for (let i = 0; i < convolutions[stage]; i++) x = p.unit(x, scaled(channels), { bias: true });
    x = p.maxPool(x, { padding: 'valid' });
  }
  const hidden = p.dense(p.dense(p.flatten(x), scaled(4096), 'relu'), scaled(4096), 'relu');
  return modelOf(name, input, p.dense(hidden, classes, 'softmax', 'head'));
}
