/** Densely connected nets: Huang et al. 2016, 1608.06993. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { channelsOf, image, modelOf, parts, scaler, type Flow, type NetOptions, type Parts } from './parts';

/** CIFAR, growth 12, 12 layers in each of three blocks, without bottlenecks. */
export function densenet40({ width = 1, side = 32, classes = 10 }: NetOptions = {}): LayersModel {
  const p = parts();
  const growth = scaler(width, 4)(12);
  const input = image(side);
  let x = p.conv(input, 2 * growth, { name: 'stem' });
  for (let block = 0; block < 3; block++) {
    for (let i = 0; i < 12; i++) x = p.concat(x, p.conv(p.relu(p.norm(x)), growth));
    if (block < 2) x = p.averagePool(p.conv(p.relu(p.norm(x)), channelsOf(x), { size: 1 }));
  }
  return finish('densenet40', p, input, x, classes);
}

/** ImageNet, growth 32, bottlenecks of four times the growth; transitions halve the channels. */
export function densenet121({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const growth = scaler(width)(32);
  const input = image(side);
  let x = p.maxPool(p.unit(input, 2 * growth, { size: 7, stride: 2, name: 'stem' }), { size: 3, stride: 2 });
  for (const [block, count] of [6, 12, 24, 16].entries()) {
    for (let i = 0; i < count; i++) {
      const narrow = p.conv(p.relu(p.norm(x)), 4 * growth, { size: 1 });
      x = p.concat(x, p.conv(p.relu(p.norm(narrow)), growth));
    }
    if (block < 3) x = p.averagePool(p.conv(p.relu(p.norm(x)), channelsOf(x) / 2, { size: 1 }));
  }
  return finish('densenet121', p, input, x, classes);
}

function finish(name: string, p: Parts, input: Flow, x: Flow, classes: number): LayersModel {
  return modelOf(name, input, p.dense(p.gap(p.relu(p.norm(x))), classes, 'softmax', 'head'));
}
