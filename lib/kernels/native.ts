/** Registers what TensorFlow for Node.js lacks of the kernels that layers use, and faster ones for those that inference is made of. */
import {
  _FusedMatMul,
  ClipByValue,
  Conv2D,
  Conv3D,
  DenseBincount,
  DepthwiseConv2dNative,
  FusedBatchNorm,
  FusedConv2D,
  FusedDepthwiseConv2D,
  getKernel,
  Reshape,
  Transpose,
  type KernelConfig,
} from '@tensorflow/tfjs-core';
import { denseBincount } from './denseBincount';
import { dilatedConv3d } from './dilatedConv3d';
import { nativeConv2d, nativeDepthwise } from './nativeConvolution';
import { nativeBatchNorm, nativeClip } from './nativeElementwise';
import { nativeLayers } from './nativeLayers';
import { nativeFusedMatMul } from './nativeMatMul';
import { nativeReshape, nativeTranspose } from './nativeShapes';
import { replaceKernel } from './replace';

const BACKEND = 'tensorflow';

/** Stock kernels that stay for what the new ones leave to them. */
const improved: readonly (readonly [name: string, improve: (stock: KernelConfig) => KernelConfig])[] = [
  [_FusedMatMul, nativeFusedMatMul],
  [ClipByValue, nativeClip],
  [Conv2D, nativeConv2d],
  [Conv3D, stock => ({ ...stock, kernelFunc: dilatedConv3d(stock) })],
  [DepthwiseConv2dNative, nativeDepthwise],
  [FusedBatchNorm, nativeBatchNorm],
  [FusedConv2D, nativeConv2d],
  [FusedDepthwiseConv2D, nativeDepthwise],
  [Reshape, nativeReshape],
  [Transpose, nativeTranspose],
];

/** Calling it again changes nothing. */
export function installNativeKernels(): void {
  if (getKernel(DenseBincount, BACKEND) !== undefined) return;
  replaceKernel({ kernelName: DenseBincount, backendName: BACKEND, kernelFunc: denseBincount });
  for (const kernel of nativeLayers) replaceKernel(kernel);
  for (const [name, improve] of improved) {
    const stock = getKernel(name, BACKEND);
    if (stock !== undefined) replaceKernel(improve(stock));
  }
}
