/** The nets by name, each with a small form for specs and the groups that must stay whole. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { densenet121, densenet40 } from './densenet';
import { inceptionV3, squeezenet, xception } from './inception';
import { hrnetBlock, ssdMobilenet, unet, yoloV3 } from './maps';
import { efficientnetB0, mobilenetV1, mobilenetV2, mobilenetV3Small } from './mobilenet';
import type { NetOptions } from './parts';
import { resnet164, resnet18, resnet50, resnet56, seResnet18 } from './resnet';
import { convnextTiny, gruStack, lstmStack } from './sequences';
import { res2netBlock, shufflenetV2 } from './shuffled';
import { vgg16, vgg19 } from './vgg';
import { seeded } from './weights';

export interface Entry {
  readonly build: (options?: NetOptions) => LayersModel;
  /** Few channels on small images, the same structure. */
  readonly small: NetOptions;
  /** Frozen groups by name, with the reason; default: the input `image` and the output `head`. */
  readonly frozen?: Readonly<Record<string, string>>;
}

const [INPUT, OUTPUT] = ['model input', 'model output'];
const outputs = (...names: string[]): Record<string, string> => ({
  image: INPUT,
  ...Object.fromEntries(names.map(name => [name, OUTPUT])),
});
/** Streams whose channels a LayerNormalization mixes. */
const mixedBy = (streams: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(streams).map(([name, norm]) => [name, `"${norm}" takes mean and variance over them`]),
  );
const imagenet = { width: 0.125, side: 32, classes: 10 };

export const ZOO: Readonly<Record<string, Entry>> = {
  resnet18: { build: resnet18, small: imagenet },
  resnet50: { build: resnet50, small: imagenet },
  resnet56: { build: resnet56, small: { width: 0.5, side: 8 } },
  resnet164: { build: resnet164, small: { width: 0.25, side: 8 } },
  seResnet18: { build: seResnet18, small: imagenet },
  vgg16: { build: vgg16, small: imagenet },
  vgg19: { build: vgg19, small: imagenet },
  densenet40: { build: densenet40, small: { width: 0.7, side: 8 } },
  densenet121: { build: densenet121, small: { ...imagenet, width: 0.25 } },
  mobilenetV1: { build: mobilenetV1, small: imagenet },
  mobilenetV2: { build: mobilenetV2, small: { ...imagenet, width: 0.25 } },
  mobilenetV3Small: { build: mobilenetV3Small, small: { ...imagenet, width: 0.5 } },
  efficientnetB0: { build: efficientnetB0, small: { ...imagenet, width: 0.25 } },
  squeezenet: { build: squeezenet, small: { ...imagenet, width: 0.5 } },
  inceptionV3: { build: inceptionV3, small: imagenet },
  xception: { build: xception, small: imagenet },
  shufflenetV2: { build: shufflenetV2, small: { ...imagenet, width: 0.25 } },
  res2net: { build: res2netBlock, small: { width: 0.5, side: 8 } },
  unet: { build: unet, small: { width: 0.125, side: 16 }, frozen: outputs('mask') },
  hrnet: { build: hrnetBlock, small: { width: 0.25, side: 16 }, frozen: outputs('heatmaps') },
  ssd: {
    build: ssdMobilenet,
    small: { width: 0.25, side: 32, classes: 3 },
    frozen: outputs(...[1, 2, 3, 4, 5, 6].flatMap(i => [`boxes${i}`, `classes${i}`])),
  },
  yolo: {
    build: yoloV3,
    small: { width: 0.125, side: 32, classes: 2 },
    frozen: outputs('boxes1', 'boxes2', 'boxes3'),
  },
  convnextTiny: {
    build: convnextTiny,
    small: imagenet,
    frozen: { ...outputs('head'), ...mixedBy({ stem: 'ln1', conv1: 'ln6', conv2: 'ln10', conv3: 'ln20' }) },
  },
  lstmStack: { build: lstmStack, small: { width: 0.125, side: 7 }, frozen: { head: OUTPUT } },
  gruStack: { build: gruStack, small: { width: 0.125, side: 7 }, frozen: { head: OUTPUT } },
};

export const frozenOf = ({ frozen = outputs('head') }: Entry): Readonly<Record<string, string>> => frozen;

/** The published net, or its small form, with seeded weights; the caller disposes it. */
export function buildNet(name: string, size: 'full' | 'small' = 'full'): LayersModel {
  const { build, small } = ZOO[name];
  return seeded(build(size === 'full' ? {} : small));
}
