/** Registers what TensorFlow for Node.js lacks of the kernels that layers use. */
import { Conv3D, DenseBincount, getKernel, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { denseBincount } from './denseBincount';
import { dilatedConv3d } from './dilatedConv3d';

const BACKEND = 'tensorflow';

/** Calling it again changes nothing. */
export function installNativeKernels(): void {
  if (getKernel(DenseBincount, BACKEND) !== undefined) return;
  registerKernel({ kernelName: DenseBincount, backendName: BACKEND, kernelFunc: denseBincount });
  const stock = getKernel(Conv3D, BACKEND);
  if (stock === undefined) return;
  unregisterKernel(Conv3D, BACKEND);
  registerKernel({ ...stock, kernelFunc: dilatedConv3d(stock) });
}
