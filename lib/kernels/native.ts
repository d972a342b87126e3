/** Registers what TensorFlow for Node.js lacks of the kernels that layers use. */
import { Conv3D, DenseBincount, getKernel } from '@tensorflow/tfjs-core';
import { denseBincount } from './denseBincount';
import { dilatedConv3d } from './dilatedConv3d';
import { replaceKernel } from './replace';

const BACKEND = 'tensorflow';

/** Calling it again changes nothing. */
export function installNativeKernels(): void {
  if (getKernel(DenseBincount, BACKEND) !== undefined) return;
  replaceKernel({ kernelName: DenseBincount, backendName: BACKEND, kernelFunc: denseBincount });
  const stock = getKernel(Conv3D, BACKEND);
  if (stock !== undefined) replaceKernel({ ...stock, kernelFunc: dilatedConv3d(stock) });
}
