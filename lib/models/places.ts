/** Where each tensor of a Hugging Face checkpoint lies in our model, in both directions. */
import { ndarray, transpose, type NdArray } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';

/**
 * How a tensor lies in the weight of a layer. transposed: `[out, in]` as `[in, out]`. patches: `[out, channels, height, width]` as
 * `[height, width, channels, out]`. row: without an axis of size 1 in front.
 */
export type Lying = 'same' | 'transposed' | 'patches' | 'row';

/** A weight of a layer, `[layer, number in getWeights() order]`, and the tensor it comes from. */
export interface Place {
  readonly layer: string;
  readonly weight: number;
  readonly tensor: string;
  readonly lying: Lying;
}

export type ReadTensor = (name: string) => Promise<NdArray>;

/** The weights of our layers from the tensors at `places`, which list the weights of a layer in their order. */
export async function weightsAt(places: readonly Place[], read: ReadTensor): Promise<Checkpoint['weights']> {
  const weights = new Map<string, NdArray[]>();
  for (const { layer, tensor, lying } of places) {
    const arrays = weights.get(layer) ?? [];
    weights.set(layer, arrays);
    arrays.push(toLayer(await read(tensor), lying));
  }
  return weights;
}

/** A Dense layer. */
export function densePlaces(layer: string, tensor: string, bias: boolean): Place[] {
  const kernel: Place = { layer, weight: 0, tensor: `${tensor}.weight`, lying: 'transposed' };
  return bias ? [kernel, { layer, weight: 1, tensor: `${tensor}.bias`, lying: 'same' }] : [kernel];
}

/** A norm with gamma and, in a LayerNorm, beta. */
export function normPlaces(layer: string, tensor: string, beta: boolean): Place[] {
  const parts = beta ? ['weight', 'bias'] : ['weight'];
  return parts.map((part, weight) => ({ layer, weight, tensor: `${tensor}.${part}`, lying: 'same' }));
}

export function toLayer(array: NdArray, lying: Lying): NdArray {
  const { shape, data } = array;
  if (lying === 'same') return array;
  if (lying === 'row') return ndarray(data, shape.slice(1));
  return lying === 'transposed' ? transpose(array, [1, 0]) : transpose(array, [2, 3, 1, 0]);
}

export function fromLayer(array: NdArray, lying: Lying): NdArray {
  const { shape, data } = array;
  if (lying === 'same') return array;
  if (lying === 'row') return ndarray(data, [1, ...shape]);
  return lying === 'transposed' ? transpose(array, [1, 0]) : transpose(array, [3, 2, 0, 1]);
}
