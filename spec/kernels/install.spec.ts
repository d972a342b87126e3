import * as tf from '@tensorflow/tfjs-core';
import { installTrainingKernels } from '../../lib/kernels';

describe('installTrainingKernels', () => {
  it('asks for the backend package where it is missing, and is idempotent where it is not', async () => {
    expect(installTrainingKernels).toThrow(expect.objectContaining({ code: 'no-backend' }));
    await import('@tensorflow/tfjs-backend-wasm');
    const stock = tf.getKernelsForBackend('wasm').map(({ kernelName }) => kernelName);
    installTrainingKernels(); // before the backend starts
    await tf.setBackend('wasm');
    const once = tf.getKernelsForBackend('wasm');
    installTrainingKernels();
    expect(tf.getKernelsForBackend('wasm')).toEqual(once);
    const added = once.map(({ kernelName }) => kernelName).filter(name => !stock.includes(name));
    expect(added.sort()).toEqual([
      'Conv2DBackpropFilter',
      'DepthwiseConv2dNativeBackpropFilter',
      'DepthwiseConv2dNativeBackpropInput',
      'Einsum',
      'UnsortedSegmentSum',
    ]);
    expect(Array.from(tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]), false, true).dataSync())).toEqual([3, 3, 3, 3]);
  });
});
