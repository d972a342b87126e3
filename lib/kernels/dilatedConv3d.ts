/** Conv3D with dilation, which TensorFlow has for GPUs only. */
import type { Conv3DAttrs, Conv3DInputs, KernelConfig, KernelFunc, Tensor5D } from '@tensorflow/tfjs-core';
import { backend_util, batchToSpaceND, conv3d, spaceToBatchND, tidy } from '@tensorflow/tfjs-core';

/**
 * The stock kernel where nothing is dilated. Otherwise every dilation-th voxel is an image of its own, which is convolved
 * undilated, and the results are interleaved again.
 */
export function dilatedConv3d(stock: KernelConfig): KernelFunc {
  return call => {
    const { x, filter } = call.inputs as unknown as Record<keyof Conv3DInputs, Tensor5D>;
    const { strides, pad, dilations } = call.attrs as unknown as Conv3DAttrs;
    const info = backend_util.computeConv3DInfo(x.shape, filter.shape, strides, dilations, pad);
    const steps = [info.dilationDepth, info.dilationHeight, info.dilationWidth];
    if (steps.every(step => step === 1)) return stock.kernelFunc(call);
    const { front, back, top, bottom, left, right } = info.padInfo;
    const padding = [
      [front, back],
      [top, bottom],
      [left, right],
    ];
    // What is missing to a multiple of the dilation is padded too, and cut off in the end.
    const missing = steps.map((step, i) => {
      const size = x.shape[i + 1] + padding[i][0] + padding[i][1];
      return Math.ceil(size / step) * step - size;
    });
    const padded = padding.map(([before, after], i) => [before, after + missing[i]]);
    return tidy(() => {
      const out = conv3d(spaceToBatchND(x, steps, padded), filter, 1, 'valid');
      return batchToSpaceND(
        out,
        steps,
        missing.map(size => [0, size]),
      );
    });
  };
}
