/** Windows that slide over images, as ONNX says them. */
import type { Config } from '../../core/checkpoint';
import { channelAxis, type Window } from '../../rules/spatial';
import { startAlong } from '../../rules/taps';
import type { Attribute, Dim } from '../model';
import { channelsFirst, inPlace, type Order } from '../value';

/** That of images in ONNX: as tf.js has them where the config says that channels come first. */
export function imageOrder(config: Config, rank: number): Order {
  return config.dataFormat === 'channelsFirst' ? inPlace(rank) : channelsFirst(rank);
}

/** The axes of tf.js that are neither batch nor channels. */
export function imageAxes(config: Config, rank: number): number[] {
  const channels = channelAxis(config, rank);
  return inPlace(rank).filter(axis => axis !== 0 && axis !== channels);
}

/** Attributes of a convolution or pooling over sizes that may be open. */
export function slidingOver(sizes: readonly Dim[], window: Window): Record<string, Attribute> {
  const padding = sizes.map((size, d) => paddingAlong(size, window, d));
  // With a stride the zeros of `same` depend on the size; what is odd goes behind, as in tf.js.
  const pads: Record<string, Attribute> = padding.every(pair => pair !== undefined)
    ? { pads: { ints: [...padding.map(([before]) => before), ...padding.map(([, after]) => after)] } }
    : { auto_pad: { text: 'SAME_UPPER' } };
  return {
    kernel_shape: { ints: window.size.slice(0, sizes.length) },
    strides: { ints: window.strides },
    ...pads,
  };
}

/** Zeros before and behind; undefined where the size decides and is open. */
function paddingAlong(size: Dim, window: Window, d: number): readonly [number, number] | undefined {
  if (window.padding === 'valid') return [0, 0];
  const stride = window.strides[d];
  const reach = (window.size[d] - 1) * window.dilation[d] + 1;
  if (window.padding === 'causal') return [reach - 1, 0];
  if (typeof size !== 'number' && stride > 1) return undefined;
  const known = typeof size === 'number' ? size : reach; // with a stride of 1 all sizes are alike
  const { first, places } = startAlong(known, window, d);
  const zeros = Math.max((places - 1) * stride + reach - known, 0);
  return [0 - first, zeros + first];
}
