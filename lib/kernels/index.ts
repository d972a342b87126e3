/** Registers the training kernels for the WASM backend. */
import type { KernelConfig, KernelFunc } from '@tensorflow/tfjs-core';
import {
  _FusedMatMul,
  BatchMatMul,
  Conv2D,
  Cast,
  Conv2DBackpropFilter,
  Conv2DBackpropInput,
  Conv3D,
  DepthwiseConv2dNativeBackpropFilter,
  DepthwiseConv2dNativeBackpropInput,
  Einsum,
  FusedBatchNorm,
  FusedConv2D,
  GatherV2,
  getKernel,
  Identity,
  MaxPool3D,
  MaxPool3DGrad,
  MaxPoolGrad,
  Mean,
  Sum,
  Tile,
  UnsortedSegmentSum,
} from '@tensorflow/tfjs-core';
import { PruneError } from '../core/errors';
import { fastBatchNorm } from './affine';
import { conv2dAsProduct, fusedConv2dAsProduct } from './asProduct';
import { conv2dFilterGradient } from './conv2dFilter';
import { conv2dInputGradient } from './conv2dInput';
import { conv3d } from './conv3d';
import { depthwiseFilterGradient } from './depthwiseFilter';
import { depthwiseInputGradient } from './depthwiseInput';
import { einsum } from './einsum';
import { fastGather } from './gather';
import { shared } from './identity';
import { fastMatMul, soundFusedMatMul } from './matMul';
import { maxPool3d, maxPool3dGradient, maxPoolGradient } from './maxPool';
import { fastReduction } from './reduce';
import { replaceKernel } from './replace';
import { unsortedSegmentSum } from './segmentSum';
import { fastTile } from './tile';
import { asKernelFunc } from './wasm';

const kernels: readonly (readonly [name: string, kernel: KernelFunc])[] = [
  [Conv2DBackpropFilter, asKernelFunc(conv2dFilterGradient)],
  [Conv2DBackpropInput, asKernelFunc(conv2dInputGradient)],
  [Conv3D, asKernelFunc(conv3d)],
  [DepthwiseConv2dNativeBackpropFilter, asKernelFunc(depthwiseFilterGradient)],
  [DepthwiseConv2dNativeBackpropInput, asKernelFunc(depthwiseInputGradient)],
  [Einsum, asKernelFunc(einsum)],
  [MaxPool3D, asKernelFunc(maxPool3d)],
  [MaxPool3DGrad, asKernelFunc(maxPool3dGradient)],
  [MaxPoolGrad, asKernelFunc(maxPoolGradient)],
  [UnsortedSegmentSum, asKernelFunc(unsortedSegmentSum)],
];

/** Stock kernels that stay for what they do well. */
const improved: readonly (readonly [name: string, improve: (stock: KernelConfig) => KernelConfig])[] = [
  [_FusedMatMul, soundFusedMatMul],
  [BatchMatMul, fastMatMul],
  [Conv2D, conv2dAsProduct],
  [FusedBatchNorm, fastBatchNorm],
  [FusedConv2D, fusedConv2dAsProduct],
  [GatherV2, fastGather],
  [Cast, shared],
  [Identity, shared],
  [Tile, fastTile],
  [Sum, stock => fastReduction(stock, 'sum')],
  [Mean, stock => fastReduction(stock, 'mean')],
];

/**
 * Makes the WASM backend able to train: registers the gradient kernels that it lacks and replaces those that are scalar loops. All are
 * deterministic. Calling it again changes nothing; whether the backend is already initialised does not matter.
 * @throws PruneError `no-backend` if `@tensorflow/tfjs-backend-wasm` has not been imported.
 */
export function installTrainingKernels(): void {
  if (getKernel(BatchMatMul, 'wasm') === undefined) {
    throw new PruneError('no-backend', {
      place: 'installTrainingKernels',
      expected: 'the kernels of the wasm backend',
      got: 'none',
      cure: 'Import @tensorflow/tfjs-backend-wasm first.',
    });
  }
  if (getKernel(Conv2DBackpropFilter, 'wasm')?.kernelFunc === kernels[0][1]) return;
  for (const [kernelName, kernelFunc] of kernels) replaceKernel({ kernelName, backendName: 'wasm', kernelFunc });
  for (const [kernelName, improve] of improved) replaceKernel(improve(getKernel(kernelName, 'wasm')));
}
