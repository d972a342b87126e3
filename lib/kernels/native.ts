/** Registers what TensorFlow for Node.js lacks of the kernels that layers use. */
import { DenseBincount, getKernel, registerKernel } from '@tensorflow/tfjs-core';
import { denseBincount } from './denseBincount';

const BACKEND = 'tensorflow';

/** Calling it again changes nothing; a kernel that the addon has stays. */
export function installNativeKernels(): void {
  if (getKernel(DenseBincount, BACKEND) !== undefined) return;
  registerKernel({ kernelName: DenseBincount, backendName: BACKEND, kernelFunc: denseBincount });
}
