/** Blocks of one build made one: the weights of several in the place of the first. */
import { ndarray, type NdArray } from '../core/array';
import { join, leaves, weightsOf, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import type { Block } from '../graph/blocks';
import { ruleOf } from '../rules';
import { batchNormalization } from '../rules/normalization';

/**
 * rdsc: the first plus the differences of the others from it. replaceLast: the last. mean: all alike. Norms stay those of the first.
 * Paper: rdsc is Yang et al. 2024, LaCo, 2402.11187, equation 1.
 */
export type Combination = 'rdsc' | 'replaceLast' | 'mean';

/** `model` with the weights of `first` made from its own and those of `others`, which stay. All must be {@link alike}. */
export function mergeBlocks(model: Checkpoint, first: Block, others: readonly Block[], how: Combination): Checkpoint {
  const specs = specsOf(model);
  const weights = new Map(model.weights);
  first.layers.forEach((layer, i) => {
    const rule = ruleOf(specs.get(layer)!.className);
    if (rule?.normalizes || rule === batchNormalization) return;
    const held = [layer, ...others.map(({ layers }) => layers[i])].map(path => weightsOf(model, path));
    if (held[0].length > 0) weights.set(layer, held[0].map((_, weight) => combined(held.map(arrays => arrays[weight]), how))); // prettier-ignore
  });
  return { ...model, weights };
}

/** Whether `blocks` follow each other on one stream and are of the same layers, called once, with weights of the same shapes. */
export function alike(model: Checkpoint, blocks: readonly Block[]): boolean {
  const specs = specsOf(model);
  const build = ({ layers }: Block): string =>
    JSON.stringify(layers.map(path => [specs.get(path)!.className, weightsOf(model, path).map(({ shape }) => shape)]));
  const once = blocks.every(({ layers }) => layers.every(path => (specs.get(path)!.inboundNodes?.length ?? 1) === 1));
  const [first, ...others] = blocks.map(build);
  return (
    once &&
    others.every(other => other === first) &&
    blocks.slice(1).every((block, i) => follows(specs, blocks[i], block))
  );
}

/** Whether the stream into `next` is what leaves `block`. */
function follows(specs: ReadonlyMap<string, LayerSpec>, { branches }: Block, next: Block): boolean {
  const [{ name, stream }] = next.branches;
  const [from] = specs.get(name)!.inboundNodes![0][stream];
  const last = branches[branches.length - 1];
  return join(name.slice(0, Math.max(0, name.lastIndexOf('/'))), from) === (last.norm ?? last.name);
}

function specsOf({ topology }: Checkpoint): ReadonlyMap<string, LayerSpec> {
  return new Map(leaves(topology).map(({ path, spec }) => [path, spec]));
}

function combined(arrays: readonly NdArray[], how: Combination): NdArray {
  const { length } = arrays;
  if (how === 'replaceLast') return arrays[length - 1];
  const [{ data, shape }] = arrays;
  const factor = how === 'mean' ? 1 / length : 1;
  // The first counts once, and goes once for each of the others: 2 - length times.
  const own = how === 'mean' ? factor : 2 - length;
  const sum = Float64Array.from(data, value => own * value);
  for (const other of arrays.slice(1)) other.data.forEach((value, i) => (sum[i] += factor * value));
  return ndarray(Float32Array.from(sum), shape);
}
