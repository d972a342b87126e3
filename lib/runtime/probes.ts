/** Random inputs for a model, fit for what reads them. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { ndarray, sizeOf, type NdArray } from '../core/array';
import { random } from '../core/random';
import { layersOf, type AnyLayer } from './leaves';

/** Stands for a size that the model leaves open: time, height, width; smaller where learned positions end before it. */
const OPEN_SIZE = 32;

/** `count` examples for each input of `model`: standard normal, or integers that its Embedding layers know. */
export function probeInputs(model: LayersModel, seed: number, count: number): NdArray[] {
  const open = Math.min(OPEN_SIZE, ...layersOf(model).map(({ layer }) => placesOf(layer)));
  return model.inputs.map((input, i) => {
    const shape = [count, ...input.shape.slice(1).map(size => size ?? open)];
    const { uniform, normal } = random(seed, 'probe', i);
    const below = integersBelow(model as unknown as AnyLayer, i);
    if (below === undefined && input.dtype === 'float32') {
      return ndarray(Float32Array.from({ length: sizeOf(shape) }, normal), shape);
    }
    const most = below ?? 2;
    return ndarray(
      Int32Array.from({ length: sizeOf(shape) }, () => Math.floor(uniform() * most)),
      shape,
    );
  });
}

/** Least vocabulary among the Embedding (or CategoryEncoding) layers that input number `index` reaches unweighted. */
function integersBelow(model: AnyLayer, index: number): number | undefined {
  const seen = new Set<unknown>();
  const sizes: number[] = [];
  const follow = (tensor: NonNullable<AnyLayer['inputs']>[number]): void => {
    if (seen.has(tensor)) return;
    seen.add(tensor);
    for (const node of (tensor.sourceLayer as unknown as AnyLayer).outboundNodes) {
      const position = node.inputTensors.indexOf(tensor);
      if (position < 0) continue;
      const { outboundLayer: layer } = node;
      if (layer.inputs !== undefined) follow(layer.inputs[position]);
      else if (vocabularyOf(layer) !== undefined) sizes.push(vocabularyOf(layer)!);
      else if (layer.weights.length === 0) node.outputTensors.forEach(follow);
    }
  };
  follow(model.inputs![index]);
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}

/** Longest text that `layer` takes. */
function placesOf(layer: AnyLayer): number {
  return layer.getClassName() === 'PrunePositionEmbedding' ? Number(layer.getConfig().maxLength) : Infinity;
}

function vocabularyOf(layer: AnyLayer): number | undefined {
  const { inputDim, numTokens } = layer.getConfig();
  if (['Embedding', 'PruneTiedEmbedding'].includes(layer.getClassName())) return Number(inputDim);
  return layer.getClassName() === 'CategoryEncoding' ? Number(numTokens) : undefined;
}
