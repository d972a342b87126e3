/** Nets of parallel branches: Inception-V3, Xception and SqueezeNet. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { channelsOf, image, modelOf, parts, scaler, type Flow, type NetOptions, type Parts } from './parts';

/** Iandola et al. 2016, 1602.07360, version 1.1: squeeze to few channels, expand by 1x1 and by 3x3. */
export function squeezenet({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width, 4);
  const input = image(side);
  const convolution = { bias: true, activation: 'relu' } as const;
  let x = p.conv(input, scaled(64), { ...convolution, stride: 2, name: 'stem' });
  for (const squeeze of [0, 16, 16, 0, 32, 32, 0, 48, 48, 64, 64]) {
    if (squeeze === 0) {
      x = p.maxPool(x, { size: 3, stride: 2 });
      continue;
    }
    const narrow = p.conv(x, scaled(squeeze), { ...convolution, size: 1 });
    const wide = 4 * scaled(squeeze);
    x = p.concat(p.conv(narrow, wide, { ...convolution, size: 1 }), p.conv(narrow, wide, convolution));
  }
  return modelOf('squeezenet', input, p.gap(p.conv(x, classes, { size: 1, bias: true, name: 'head' })));
}

/** Szegedy et al. 2015, 1512.00567, as in Keras, without the auxiliary head. */
export function inceptionV3({ width = 1, side = 299, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const blocks = inceptionBlocks(p, scaled);
  const input = image(side);
  const thin = p.unit(p.unit(input, scaled(32), { stride: 2, name: 'stem' }), scaled(32));
  const early = p.maxPool(p.unit(thin, scaled(64)), { size: 3, stride: 2 });
  let x = p.maxPool(p.unit(p.unit(early, scaled(80), { size: 1 }), scaled(192)), { size: 3, stride: 2 });
  for (const pooled of [32, 64, 64]) x = blocks.fives(x, scaled(pooled));
  x = blocks.firstReduction(x);
  for (const middle of [128, 160, 160, 192]) x = blocks.sevens(x, scaled(middle));
  x = blocks.secondReduction(x);
  x = blocks.wide(blocks.wide(x));
  return modelOf('inceptionV3', input, p.dense(p.gap(x), classes, 'softmax', 'head'));
}

function inceptionBlocks(p: Parts, scaled: (channels: number) => number) {
  const one = { size: 1 } as const;
  const pooled = (x: Flow, filters: number): Flow => p.unit(p.averagePool(x, { size: 3, stride: 1 }), filters, one);
  /** A chain of convolutions, each `[channels, window]`. */
  const chain = (x: Flow, ...steps: (readonly [number, number | readonly [number, number], number?])[]): Flow =>
    steps.reduce((flow, [filters, size, stride]) => p.unit(flow, scaled(filters), { size, stride }), x);
  return {
    fives: (x: Flow, poolFilters: number): Flow =>
      p.concat(
        chain(x, [64, 1]),
        chain(x, [48, 1], [64, 5]),
        chain(x, [64, 1], [96, 3], [96, 3]),
        pooled(x, poolFilters),
      ),
    firstReduction: (x: Flow): Flow =>
      p.concat(chain(x, [384, 3, 2]), chain(x, [64, 1], [96, 3], [96, 3, 2]), p.maxPool(x, { size: 3, stride: 2 })),
    sevens(x: Flow, middle: number): Flow {
      const line = (flow: Flow, filters: number, wide: boolean): Flow =>
        p.unit(flow, filters, { size: wide ? [1, 7] : [7, 1] });
      const [once, twice] = [p.unit(x, middle, one), p.unit(x, middle, one)];
      const short = line(line(once, middle, true), scaled(192), false);
      const long = line(line(line(line(twice, middle, false), middle, true), middle, false), scaled(192), true);
      return p.concat(chain(x, [192, 1]), short, long, pooled(x, scaled(192)));
    },
    secondReduction: (x: Flow): Flow =>
      p.concat(
        chain(x, [192, 1], [320, 3, 2]),
        chain(x, [192, 1], [192, [1, 7]], [192, [7, 1]], [192, 3, 2]),
        p.maxPool(x, { size: 3, stride: 2 }),
      ),
    wide(x: Flow): Flow {
      const fork = (flow: Flow): Flow => p.concat(chain(flow, [384, [1, 3]]), chain(flow, [384, [3, 1]]));
      const branches = [fork(chain(x, [384, 1])), fork(chain(x, [448, 1], [384, 3]))];
      return p.concat(chain(x, [320, 1]), ...branches, pooled(x, scaled(192)));
    },
  };
}

/** Chollet 2016, 1610.02357, figure 5: separable convolutions with residuals. */
export function xception({ width = 1, side = 299, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const separable = (x: Flow, filters: number): Flow => p.norm(p.separable(x, filters));
  const input = image(side);
  let x = p.unit(p.unit(input, scaled(32), { stride: 2, name: 'stem' }), scaled(64));
  const halved = (from: Flow, first: number, second: number, lead = true): Flow => {
    const branch = separable(p.relu(separable(lead ? p.relu(from) : from, first)), second);
    const shortcut = p.norm(p.conv(from, second, { size: 1, stride: 2 }));
    return p.add(p.maxPool(branch, { size: 3, stride: 2 }), shortcut);
  };
  [128, 256, 728].map(scaled).forEach((filters, i) => (x = halved(x, filters, filters, i > 0)));
  for (let block = 0; block < 8; block++) {
    let branch = x;
    for (let i = 0; i < 3; i++) branch = separable(p.relu(branch), channelsOf(x));
    x = p.add(branch, x);
  }
  x = halved(x, channelsOf(x), scaled(1024));
  x = p.relu(separable(p.relu(separable(x, scaled(1536))), scaled(2048)));
  return modelOf('xception', input, p.dense(p.gap(x), classes, 'softmax', 'head'));
}
