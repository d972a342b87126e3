/** Nets of depthwise convolutions for phones: MobileNet V1, V2, V3-small and EfficientNet-B0. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { channelsOf, image, modelOf, parts, scaler, type Flow, type NetOptions, type Parts } from './parts';

/** Howard et al. 2017, 1704.04861, table 1. */
export function mobilenetV1({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const input = image(side);
  let x = p.relu6(p.norm(p.conv(input, scaled(32), { stride: 2, name: 'stem' })));
  const blocks = [[64, 1], [128, 2], [128, 1], [256, 2], [256, 1], [512, 2]]; // prettier-ignore
  const rest = [[512, 1], [512, 1], [512, 1], [512, 1], [512, 1], [1024, 2], [1024, 1]]; // prettier-ignore
  for (const [filters, stride] of [...blocks, ...rest]) {
    const wise = p.relu6(p.norm(p.depthwise(x, { stride })));
    x = p.relu6(p.norm(p.conv(wise, scaled(filters), { size: 1 })));
  }
  return modelOf('mobilenetV1', input, p.dense(p.gap(x), classes, 'softmax', 'head'));
}

/** Sandler et al. 2018, 1801.04381, table 2. */
export function mobilenetV2({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const input = image(side);
  const stages = mobilenetV2Stages(p, input, width);
  const last = p.relu6(p.norm(p.conv(stages[stages.length - 1], scaler(width)(1280), { size: 1 })));
  return modelOf('mobilenetV2', input, p.dense(p.gap(last), classes, 'softmax', 'head'));
}

/** The flow after each group of inverted residuals. */
export function mobilenetV2Stages(p: Parts, input: Flow, width: number): Flow[] {
  const scaled = scaler(width);
  let x = p.relu6(p.norm(p.conv(input, scaled(32), { stride: 2, name: 'stem' })));
  const table = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]]; // prettier-ignore
  return table.map(([expansion, filters, count, stride]) => {
    for (let i = 0; i < count; i++) {
      const expanded = expansion === 1 ? 0 : channelsOf(x) * expansion;
      x = inverted(p, x, { expanded, filters: scaled(filters), stride: i === 0 ? stride : 1, activate: p.relu6 });
    }
    return x;
  });
}

/** Howard et al. 2019, 1905.02244, table 2: hard swish is a product of the signal with its own hard sigmoid. */
export function mobilenetV3Small({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const hard = (x: Flow): Flow => p.multiply(x, p.activate(x, 'hardSigmoid'));
  const input = image(side);
  let x = hard(p.norm(p.conv(input, scaled(16), { stride: 2, name: 'stem' })));
  for (const [size, expanded, filters, gated, swish, stride] of V3_SMALL) {
    const gate = gated ? (y: Flow): Flow => pooledGate(p, y, scaled(expanded / 4)) : undefined;
    const activate = swish ? hard : p.relu;
    x = inverted(p, x, { expanded: scaled(expanded), filters: scaled(filters), size, stride, gate, activate });
  }
  const last = hard(p.norm(p.conv(x, scaled(576), { size: 1 })));
  const hidden = hard(p.dense(p.gap(last), scaled(1024)));
  return modelOf('mobilenetV3Small', input, p.dense(hidden, classes, 'softmax', 'head'));
}

/** Window, expanded channels, filters, squeeze and excitation, hard swish, stride. */
const V3_SMALL = [
  [3, 16, 16, 1, 0, 2], [3, 72, 24, 0, 0, 2], [3, 88, 24, 0, 0, 1], [5, 96, 40, 1, 1, 2], [5, 240, 40, 1, 1, 1],
  [5, 240, 40, 1, 1, 1], [5, 120, 48, 1, 1, 1], [5, 144, 48, 1, 1, 1], [5, 288, 96, 1, 1, 2], [5, 576, 96, 1, 1, 1],
  [5, 576, 96, 1, 1, 1],
]; // prettier-ignore

/** Tan and Le 2019, 1905.11946, table 1: gates of 1x1 convolutions on a 1x1 image. */
export function efficientnetB0({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const activate = (x: Flow): Flow => p.activate(x, 'swish');
  const input = image(side);
  let x = activate(p.norm(p.conv(input, scaled(32), { stride: 2, name: 'stem' })));
  const table = [[1, 16, 1, 1, 3], [6, 24, 2, 2, 3], [6, 40, 2, 2, 5], [6, 80, 3, 2, 3], [6, 112, 3, 1, 5], [6, 192, 4, 2, 5], [6, 320, 1, 1, 3]]; // prettier-ignore
  for (const [expansion, filters, count, stride, size] of table) {
    for (let i = 0; i < count; i++) {
      const from = channelsOf(x);
      const gate = (y: Flow): Flow => imageGate(p, y, Math.max(2, from / 4));
      const step = { size, stride: i === 0 ? stride : 1, gate, activate };
      x = inverted(p, x, { ...step, expanded: expansion === 1 ? 0 : from * expansion, filters: scaled(filters) });
    }
  }
  const last = activate(p.norm(p.conv(x, scaled(1280), { size: 1 })));
  return modelOf('efficientnetB0', input, p.dense(p.gap(last), classes, 'softmax', 'head'));
}

interface Inverted {
  /** Channels inside the block; 0 for those it is given. */
  readonly expanded: number;
  readonly filters: number;
  readonly size?: number;
  readonly stride: number;
  readonly gate?: (x: Flow) => Flow;
  readonly activate: (x: Flow) => Flow;
}

function inverted(p: Parts, x: Flow, { expanded, filters, size, stride, gate, activate }: Inverted): Flow {
  const wide = expanded === 0 ? x : activate(p.norm(p.conv(x, expanded, { size: 1 })));
  const wise = activate(p.norm(p.depthwise(wide, { size, stride })));
  const narrow = p.norm(p.conv(gate ? gate(wise) : wise, filters, { size: 1 }));
  return stride === 1 && channelsOf(x) === filters ? p.add(x, narrow) : narrow;
}

/** Gates from a vector. */
function pooledGate(p: Parts, x: Flow, squeezed: number): Flow {
  return p.multiply(x, p.dense(p.dense(p.gap(x), squeezed, 'relu'), channelsOf(x), 'hardSigmoid'));
}

/** Gates from an image of one pixel, as Keras writes them. */
function imageGate(p: Parts, x: Flow, squeezed: number): Flow {
  const pixel = p.reshape(p.gap(x), [1, 1, channelsOf(x)]);
  const reduced = p.conv(pixel, squeezed, { size: 1, bias: true, activation: 'swish' as never });
  return p.multiply(x, p.conv(reduced, channelsOf(x), { size: 1, bias: true, activation: 'sigmoid' }));
}
