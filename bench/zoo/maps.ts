/** Nets whose output is a map, or several: U-Net, HRNet, SSD and YOLO. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { mobilenetV2Stages } from './mobilenet';
import { channelsOf, image, modelOf, parts, scaler, type Flow, type NetOptions, type Parts } from './parts';

/** Ronneberger et al. 2015, 1505.04597, figure 1, padded; upwards by transposed convolutions. */
export function unet({ width = 1, side = 256, classes = 2 }: NetOptions = {}): LayersModel {
  const p = parts();
  const widths = [64, 128, 256, 512, 1024].map(scaler(width));
  const input = image(side);
  const skips: Flow[] = [];
  let x: Flow = input;
  for (const filters of widths) {
    if (skips.length > 0) x = p.maxPool(x);
    x = p.unit(p.unit(x, filters), filters);
    skips.push(x);
  }
  for (let level = widths.length - 2; level >= 0; level--) {
    const up = p.transposed(x, widths[level], { size: 2, stride: 2, bias: true });
    x = p.unit(p.unit(p.concat(skips[level], up), widths[level]), widths[level]);
  }
  return modelOf('unet', input, p.conv(x, classes, { size: 1, bias: true, name: 'mask', activation: 'sigmoid' }));
}

/** Sun et al. 2019, 1902.09212: a module of three resolutions, each of which sees all others twice. */
export function hrnetBlock({ width = 1, side = 64, classes = 17 }: NetOptions = {}): LayersModel {
  const p = parts();
  const widths = [32, 64, 128].map(scaler(width));
  const input = image(side);
  const stem = p.unit(p.unit(input, 2 * widths[0], { stride: 2, name: 'stem' }), 2 * widths[0]);
  let streams = widths.map((filters, level) => lowered(p, stem, level, filters));
  for (let exchange = 0; exchange < 2; exchange++) {
    const worked = streams.map(x => p.relu(p.add(x, p.norm(p.conv(p.unit(x, channelsOf(x)), channelsOf(x))))));
    streams = worked.map((own, to) => {
      const others = worked.flatMap((x, from) => (from === to ? [] : [carried(p, x, from, to, channelsOf(own))]));
      return p.relu(p.add(own, ...others));
    });
  }
  const head = { size: 1, bias: true, name: 'heatmaps' } as const;
  return modelOf('hrnet', input, p.conv(streams[0], classes, head));
}

function lowered(p: Parts, x: Flow, times: number, filters: number): Flow {
  if (times === 0) return p.unit(x, filters);
  return lowered(p, p.unit(x, filters, { stride: 2 }), times - 1, filters);
}

/** From one resolution to another: 1x1 and upsampling, or strided convolutions. */
function carried(p: Parts, x: Flow, from: number, to: number, filters: number): Flow {
  if (from > to) return p.upsample(p.norm(p.conv(x, filters, { size: 1 })), 2 ** (from - to));
  const steps = Array.from({ length: to - from - 1 });
  const near = steps.reduce<Flow>(flow => p.unit(flow, channelsOf(x), { stride: 2 }), x);
  return p.norm(p.conv(near, filters, { stride: 2 }));
}

/** SSDLite of 1801.04381, section 6.2: six maps of MobileNet V2, each with boxes and classes by separable convolutions. */
export function ssdMobilenet({ width = 1, side = 320, classes = 21 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const input = image(side);
  const stages = mobilenetV2Stages(p, input, width);
  const maps = [stages[4], p.relu6(p.norm(p.conv(stages[6], scaled(1280), { size: 1 })))];
  for (const filters of [512, 256, 256, 128]) {
    const squeezed = p.unit(maps[maps.length - 1], scaled(filters) / 2, { size: 1 });
    maps.push(p.unit(p.norm(p.depthwise(squeezed, { stride: 2 })), scaled(filters), { size: 1 }));
  }
  const anchors = 6;
  const outputs = maps.flatMap((map, i) => [
    detector(p, map, 4 * anchors, `boxes${i + 1}`),
    detector(p, map, classes * anchors, `classes${i + 1}`),
  ]);
  return modelOf('ssd', input, outputs);
}

function detector(p: Parts, map: Flow, filters: number, name: string): Flow {
  return p.conv(p.relu6(p.norm(p.depthwise(map))), filters, { size: 1, bias: true, name });
}

/** Redmon and Farhadi 2018, 1804.02767: Darknet-53 and three heads, each fed by the coarser one. */
export function yoloV3({ width = 1, side = 416, classes = 80 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const unit = (x: Flow, filters: number, size: number, stride = 1): Flow =>
    p.leaky(p.norm(p.conv(x, filters, { size, stride })));
  const input = image(side);
  let x = unit(input, scaled(32), 3);
  const stages = [64, 128, 256, 512, 1024].map(scaled).map((filters, stage) => {
    x = unit(x, filters, 3, 2);
    for (let i = 0; i < [1, 2, 8, 8, 4][stage]; i++) x = p.add(x, unit(unit(x, filters / 2, 1), filters, 3));
    return x;
  });
  const outputs: Flow[] = [];
  for (const [i, channels] of [512, 256, 128].map(scaled).entries()) {
    const map = stages[4 - i];
    if (i > 0) x = p.concat(p.upsample(unit(x, channels, 1)), map);
    for (let pair = 0; pair < 2; pair++) x = unit(unit(x, channels, 1), 2 * channels, 3);
    x = unit(x, channels, 1);
    const head = { size: 1, bias: true, name: `boxes${i + 1}` } as const;
    outputs.push(p.conv(unit(x, 2 * channels, 3), 3 * (classes + 5), head));
  }
  return modelOf('yolo', input, outputs);
}
