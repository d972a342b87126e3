/** Puts a kernel into the registry in the place of the one that may be there. */
import { getKernel, registerKernel, unregisterKernel, type KernelConfig } from '@tensorflow/tfjs-core';

export function replaceKernel(config: KernelConfig): void {
  const { kernelName, backendName } = config;
  if (getKernel(kernelName, backendName) !== undefined) unregisterKernel(kernelName, backendName);
  registerKernel(config);
}
