/** Nets that split channels: ShuffleNetV2 and a Res2Net block, by a layer of one's own. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { channelsOf, image, modelOf, parts, scaler, type Flow, type NetOptions, type Parts } from './parts';
import { select } from './selectChannels';

/** Ma et al. 2018, 1807.11164, table 5: half of the channels pass each block untouched, then both halves are shuffled. */
export function shufflenetV2({ width = 1, side = 224, classes = 1000 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const select = selector();
  const wise = (x: Flow, stride: number): Flow => p.norm(p.depthwise(x, { stride }));
  const branch = (x: Flow, half: number, stride: number): Flow =>
    p.unit(wise(p.unit(x, half, { size: 1 }), stride), half, { size: 1 });
  const input = image(side);
  let x = p.maxPool(p.unit(input, scaled(24), { stride: 2, name: 'stem' }), { size: 3, stride: 2 });
  for (const [stage, channels] of [116, 232, 464].entries()) {
    const half = Math.max(4, Math.round(scaled(channels) / 2));
    x = select.shuffled(p.concat(p.unit(wise(x, 2), half, { size: 1 }), branch(x, half, 2)));
    for (let block = 1; block < [4, 8, 4][stage]; block++) {
      const [passed, worked] = select.halves(x);
      x = select.shuffled(p.concat(passed, branch(worked, half, 1)));
    }
  }
  const last = p.unit(x, scaled(1024), { size: 1 });
  return modelOf('shufflenetV2', input, p.dense(p.gap(last), classes, 'softmax', 'head'));
}

/** Gao et al. 2019, 1904.01169, figure 2b: four shares of the channels, each but the first fed with the one before. */
export function res2netBlock({ width = 1, side = 56, classes = 10 }: NetOptions = {}): LayersModel {
  const p = parts();
  const scaled = scaler(width);
  const input = image(side);
  let x = p.unit(input, scaled(64), { name: 'stem' });
  const select = selector();
  for (let block = 0; block < 3; block++) x = hierarchical(p, x, scaled(26), select.part);
  return modelOf('res2net', input, p.dense(p.gap(x), classes, 'softmax', 'head'));
}

function hierarchical(p: Parts, x: Flow, share: number, part: (x: Flow, index: number, of: number) => Flow): Flow {
  const inner = p.unit(x, 4 * share, { size: 1 });
  const done = [part(inner, 0, 4)];
  for (let i = 1; i < 4; i++) {
    const own = part(inner, i, 4);
    done.push(p.unit(i === 1 ? own : p.add(own, done[i - 1]), share));
  }
  const branch = p.norm(p.conv(p.concat(...done), channelsOf(x), { size: 1 }));
  return p.relu(p.add(branch, x));
}

function selector() {
  let count = 0;
  const take = (x: Flow, length: number, from: (i: number) => number): Flow =>
    select(
      x,
      Array.from({ length }, (_, i) => from(i)),
      `select${++count}`,
    );
  const part = (x: Flow, index: number, of: number): Flow =>
    take(x, channelsOf(x) / of, i => (index * channelsOf(x)) / of + i);
  return {
    part,
    halves: (x: Flow): [Flow, Flow] => [part(x, 0, 2), part(x, 1, 2)],
    /** The channels of both halves in turn. */
    shuffled: (x: Flow): Flow => take(x, channelsOf(x), i => Math.floor(i / 2) + (i % 2) * (channelsOf(x) / 2)),
  };
}
