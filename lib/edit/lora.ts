/** Corrections of low rank put beside the kernels of Dense layers, and added to them for good. */
import { ndarray, type NdArray } from '../core/array';
import { mapLeaves, weightsOf, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { random } from '../core/random';
import { dense } from '../rules/dense';
import { LORA_DENSE } from '../rules/lora';

export interface LoraOptions {
  /** Of the correction; default 8. */
  readonly rank?: number;
  /** The correction counts `alpha / rank` times; default 16. */
  readonly alpha?: number;
  /** Which Dense layers get one, by path; default: all. */
  readonly layers?: (path: string) => boolean;
  readonly seed?: number;
}

/**
 * `model` with a correction beside the kernel of each Dense layer that `layers` names: `a` is drawn, `b` is zero, so that it computes
 * what it did. Nothing but the corrections can be trained.
 * Paper: Hu et al. 2021, 2106.09685, section 4.1.
 * @throws PruneError `bad-option` where no Dense layer is named.
 */
export function withLora(
  model: Checkpoint,
  { rank = 8, alpha = 16, layers = () => true, seed = 0 }: LoraOptions = {},
): Checkpoint {
  checkNumber('addLora', 'rank', rank, { least: 1, integer: true });
  checkNumber('addLora', 'alpha', alpha, { above: 0 });
  const weights = new Map(model.weights);
  let count = 0;
  const topology = mapLeaves(model.topology, (spec, path) => {
    if (spec.className !== dense.className || !layers(path)) return frozen(spec, weights.has(path));
    count += 1;
    const arrays = weightsOf(model, path);
    weights.set(path, [...arrays, ...corrections(arrays[0].shape, rank, random(seed, 'lora', path).normal)]);
    const config = { ...spec.config, trainable: true, rank, scale: alpha / rank };
    return { ...spec, className: LORA_DENSE, config };
  });
  if (count === 0) throw nothing('addLora', 'layers to name a Dense layer');
  return { topology, weights };
}

/**
 * `model` with every correction added to its kernel, in stock Dense layers. All layers can be trained again.
 * @throws PruneError `bad-option` for a model without corrections.
 */
export function withoutLora(model: Checkpoint): Checkpoint {
  const weights = new Map(model.weights);
  let count = 0;
  const topology = mapLeaves(model.topology, (spec, path) => {
    const config = 'trainable' in spec.config ? { ...spec.config, trainable: true } : spec.config;
    if (spec.className !== LORA_DENSE) return { ...spec, config };
    count += 1;
    const { rank: _, scale, ...rest } = config as Record<string, unknown>;
    const arrays = weightsOf(model, path);
    const [kernel, ...others] = arrays.slice(0, -2);
    weights.set(path, [merged(kernel, arrays.slice(-2), Number(scale)), ...others]);
    return { ...spec, className: dense.className, config: rest };
  });
  if (count === 0) throw nothing('mergeLora', 'a model that addLora gave corrections');
  return { topology, weights };
}

function frozen(spec: LayerSpec, hasWeights: boolean): LayerSpec {
  return hasWeights ? { ...spec, config: { ...spec.config, trainable: false } } : spec;
}

/** `a` with a variance of 1 / in, as large as what the layer is used to; `b` zero. */
function corrections([inputs, outputs]: readonly number[], rank: number, normal: () => number): readonly NdArray[] {
  const a = Float32Array.from({ length: inputs * rank }, () => normal() / Math.sqrt(inputs));
  return [ndarray(a, [inputs, rank]), ndarray(new Float32Array(rank * outputs), [rank, outputs])];
}

/** `kernel + scale a b`, in double precision. */
function merged(kernel: NdArray, [a, b]: readonly NdArray[], scale: number): NdArray {
  const [inputs, rank] = a.shape;
  const outputs = b.shape[1];
  const data = new Float32Array(kernel.data.length);
  const row = new Float64Array(outputs);
  for (let i = 0; i < inputs; i++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * a.data[i * rank + r];
      for (let o = 0; o < outputs; o++) row[o] += factor * b.data[r * outputs + o];
    }
    for (let o = 0; o < outputs; o++) data[i * outputs + o] = kernel.data[i * outputs + o] + row[o];
  }
  return ndarray(data, kernel.shape);
}

function nothing(place: string, expected: string): PruneError {
  const cure = 'Only Dense layers can have a correction; name them by path.';
  return new PruneError('bad-option', { place, expected, got: 'none', cure });
}
