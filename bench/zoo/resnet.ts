/** Residual nets: of ImageNet (18, 50), of CIFAR (56, 164), and with squeeze and excitation. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { channelsOf, image, modelOf, parts, scaler, type Flow, type NetOptions, type Parts } from './parts';

/** He et al. 2015, 1512.03385, table 1. */
export const resnet18 = (options: NetOptions = {}): LayersModel => imagenet('resnet18', basic, [2, 2, 2, 2], options);
export const resnet50 = (options: NetOptions = {}): LayersModel =>
  imagenet('resnet50', bottleneck, [3, 4, 6, 3], options);
/** Hu et al. 2017, 1709.01507: gates on the branch of each block. */
export const seResnet18 = (options: NetOptions = {}): LayersModel =>
  imagenet('seResnet18', gated, [2, 2, 2, 2], options);

/** 1512.03385, section 4.2: 3 or 9 blocks of two convolutions in each of three stages. */
export const resnet20 = (options: NetOptions = {}): LayersModel => cifar('resnet20', basic, [16, 32, 64], 3, options);
export const resnet56 = (options: NetOptions = {}): LayersModel => cifar('resnet56', basic, [16, 32, 64], 9, options);

/** He et al. 2016, 1603.05027: BatchNormalization and ReLU before each convolution, 18 bottlenecks in each of three stages. */
export function resnet164({ width = 1, side = 32, classes = 10 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width, 4);
  const input = image(side);
  let x = p.conv(input, scaled(16), { name: 'stem' });
  for (const [stage, planes] of [16, 32, 64].entries()) {
    for (let block = 0; block < 18; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const active = p.relu(p.norm(x));
      const narrow = p.relu(p.norm(p.conv(active, scaled(planes), { size: 1 })));
      const wide = p.conv(p.relu(p.norm(p.conv(narrow, scaled(planes), { stride }))), scaled(planes) * 4, { size: 1 });
      x = p.add(wide, block === 0 ? p.conv(active, scaled(planes) * 4, { size: 1, stride }) : x);
    }
  }
  return modelOf('resnet164', input, p.dense(p.gap(p.relu(p.norm(x))), classes, 'softmax', 'head'));
}

/** What a block adds to its input: `planes` channels wide inside, times its expansion outside. */
interface Block {
  readonly expansion: number;
  branch(p: Parts, x: Flow, planes: number, stride: number): Flow;
}

const basic: Block = {
  expansion: 1,
  branch: (p, x, planes, stride) => p.norm(p.conv(p.unit(x, planes, { stride }), planes)),
};

const bottleneck: Block = {
  expansion: 4,
  branch: (p, x, planes, stride) =>
    p.norm(p.conv(p.unit(p.unit(x, planes, { size: 1 }), planes, { stride }), 4 * planes, { size: 1 })),
};

const gated: Block = {
  expansion: 1,
  branch(p, x, planes, stride) {
    const out = basic.branch(p, x, planes, stride);
    const squeezed = p.dense(p.gap(out), Math.max(4, Math.ceil(planes / 16)), 'relu');
    return p.multiply(out, p.dense(squeezed, planes, 'sigmoid'));
  },
};

function imagenet(
  name: string,
  block: Block,
  blocks: readonly number[],
  { width = 1, side = 224, classes = 1000 }: NetOptions,
): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const input = image(side);
  const stem = p.maxPool(p.unit(input, scaled(64), { size: 7, stride: 2, name: 'stem' }), { size: 3, stride: 2 });
  const widths = [64, 128, 256, 512].map(scaled);
  return modelOf(name, input, p.dense(p.gap(stages(p, stem, block, widths, blocks)), classes, 'softmax', 'head'));
}

function cifar(
  name: string,
  block: Block,
  widths: readonly number[],
  blocks: number,
  { width = 1, side = 32, classes = 10 }: NetOptions,
): LayersModel {
  const p = parts();
  const scaled = widths.map(scaler(width, 4));
  const input = image(side);
  const stem = p.unit(input, scaled[0], { name: 'stem' });
  const counts = widths.map(() => blocks);
  return modelOf(name, input, p.dense(p.gap(stages(p, stem, block, scaled, counts)), classes, 'softmax', 'head'));
}

/** Stages after the first halve the image; a 1x1 convolution carries the stream over where its width changes. */
function stages(p: Parts, stem: Flow, block: Block, widths: readonly number[], counts: readonly number[]): Flow {
  let x = stem;
  widths.forEach((planes, stage) => {
    for (let i = 0; i < counts[stage]; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      const same = stride === 1 && channelsOf(x) === planes * block.expansion;
      const branch = block.branch(p, x, planes, stride);
      const shortcut = same ? x : p.norm(p.conv(x, planes * block.expansion, { size: 1, stride }));
      x = p.relu(p.add(branch, shortcut));
    }
  });
  return x;
}
