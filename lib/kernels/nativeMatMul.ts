/** Dense layers on TensorFlow for Node.js: product, bias and activation without a kernel of tf.js for each. */
import type { KernelConfig, TensorInfo, _FusedMatMulAttrs, _FusedMatMulInputs } from '@tensorflow/tfjs-core';
import type { NativeCall, Step } from './tensorFlow';
import { activationOf, attributes, before, isFloat, pipe, plainly, remembered } from './tensorFlow';

/** _FusedMatMul, for which the stock kernel calls functions of tf.js with reshapes of their own. */
export function nativeFusedMatMul(stock: KernelConfig): KernelConfig {
  return before(stock, ({ inputs, backend, attrs }: NativeCall<_FusedMatMulInputs, _FusedMatMulAttrs>) => {
    const { a, b, bias } = inputs as Readonly<Record<'a' | 'b', TensorInfo>> & { readonly bias?: TensorInfo | null };
    const { transposeA, transposeB, activation, leakyreluAlpha } = attrs;
    const activate = activationOf(backend, activation ?? 'linear', leakyreluAlpha);
    if (activate === undefined || !isFloat(a, b)) return undefined;
    const product = turned(backend, `${transposeA} ${transposeB}`);
    const steps: Step[] = [{ name: 'BatchMatMulV2', attributes: product, others: [b] }];
    if (bias) {
      const width = b.shape[b.shape.length - (transposeB ? 2 : 1)];
      if (bias.shape.length !== 1 || bias.shape[0] !== width || !isFloat(bias)) return undefined;
      steps.push(plainly(backend, 'BiasAdd', bias));
    }
    return pipe(backend, a, [...steps, ...activate]);
  });
}

const turned = remembered<string>((backend, key) => {
  const [x, y] = key.split(' ').map(flag => flag === 'true');
  return attributes(backend, { ...(x && { adj_x: true }), ...(y && { adj_y: true }) });
});
