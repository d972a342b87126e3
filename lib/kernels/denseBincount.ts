/** DenseBincount: what CategoryEncoding is made of, for backends without it. */
import type {
  DenseBincountAttrs,
  DenseBincountInputs,
  KernelFunc,
  Tensor,
  Tensor1D,
  Tensor2D,
} from '@tensorflow/tfjs-core';
import { cast, equal, expandDims, max, mul, range, sum, tidy } from '@tensorflow/tfjs-core';

/**
 * How often each of 0 ... size - 1 is in x [values] or in each row of x [rows, values], or the sum of its weights there;
 * with `binaryOutput` 1 where it is at all. Other values are dropped. Gives the dtype of the weights, which may be empty.
 */
export const denseBincount: KernelFunc = ({ inputs, attrs }) => {
  const { x, weights } = inputs as unknown as Record<keyof DenseBincountInputs, Tensor1D | Tensor2D>;
  const { size, binaryOutput } = attrs as unknown as DenseBincountAttrs;
  return tidy((): Tensor => {
    const axis = x.rank - 1;
    const found = cast(equal(expandDims(x, -1), range(0, size, 1, 'int32')), 'float32'); // [..., values, size]
    if (binaryOutput) return cast(max(found, axis), weights.dtype);
    const counted = weights.size === 0 ? found : mul(found, expandDims(cast(weights, 'float32'), -1));
    return cast(sum(counted, axis), weights.dtype);
  });
};
