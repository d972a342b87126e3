/** The caller's data as plain arrays, checked against the model before anything runs. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { firstNotFinite, type NdArray } from '../core/array';
import { checkKeyword } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Split } from '../core/context';
import { PruneError } from '../core/errors';
import { fits, showShape } from '../core/shapes';
import { headsOf } from './heads';
import { inferLoss, lossNames, type Loss, type LossFunction, type LossName } from './loss';
import { withModel } from './materialize';
import { checkTargets, type Signature } from './targets';
import { readTensorLike, type TensorLike } from './tensors';

/** One tensor or array per model input and per model output (alone, or in a list), `[examples, ...]`. */
export interface Examples {
  readonly inputs: TensorLike | readonly TensorLike[];
  /** One-hot or integer labels, 0 / 1, or values: as the loss wants them. */
  readonly targets: TensorLike | readonly TensorLike[];
}

/** What training and measuring need; tensors stay the caller's. */
export interface Data {
  readonly train: Examples;
  /** For early stopping, the best epoch and the choice of what to prune. */
  readonly validation?: Examples;
  /** Only for the numbers of the report. */
  readonly test?: Examples;
  /** Default: by the activation of the output layer. A function gets `(targets, predictions)` and returns their mean loss. */
  readonly loss?: LossName | LossFunction;
}

/** {@link Data} as plain arrays, with the loss chosen. */
export interface Splits {
  readonly train: Split;
  readonly validation?: Split;
  readonly test?: Split;
  readonly loss: Loss;
}

/**
 * Copies `data` into plain arrays and checks it against the model of `checkpoint`.
 * @throws PruneError `bad-data` naming the split: no examples, wrong number of arrays, shapes that do not fit, labels that do
 * not match the head, NaN; `bad-option` for an unknown loss.
 */
export async function readData(data: Data, checkpoint: Checkpoint): Promise<Splits> {
  const { loss } = Object(data) as Data;
  if (loss !== undefined && typeof loss !== 'function') checkKeyword('data', 'loss', loss, lossNames);
  const signature = await withModel(checkpoint, model => Promise.resolve(signatureOf(model)));
  const train = await readSplit('train', data.train, signature);
  const chosen = chooseLoss(loss, checkpoint, train, signature);
  checkTargets('train', train, chosen, signature);
  const read = async (name: 'validation' | 'test'): Promise<Split | undefined> => {
    if (data[name] === undefined) return undefined;
    const split = await readSplit(name, data[name], signature);
    checkTargets(name, split, chosen, signature);
    return split;
  };
  const [validation, test] = [await read('validation'), await read('test')];
  return { train, ...(validation && { validation }), ...(test && { test }), loss: chosen };
}

/** Names and shapes of what goes in and what comes out. */
export function signatureOf({ inputs, outputs, inputNames, outputNames }: LayersModel): Signature {
  return {
    inputs: inputs.map(({ shape }, i) => ({ name: inputNames[i], shape })),
    outputs: outputs.map(({ shape }, i) => ({ name: outputNames[i], shape })),
  };
}

function chooseLoss(loss: Data['loss'], { topology }: Checkpoint, train: Split, { outputs }: Signature): Loss {
  const heads = headsOf(topology);
  return outputs.map(({ shape }, i) => loss ?? inferLoss(heads[i], fits(train.targets[i].shape, shape)));
}

async function readSplit(name: string, examples: Examples, signature: Signature): Promise<Split> {
  const { inputs, targets } = Object(examples) as Partial<Examples>;
  const split = {
    inputs: await readArrays(`${name} inputs`, inputs, signature.inputs.length, 'input'),
    targets: await readArrays(`${name} targets`, targets, signature.outputs.length, 'output'),
  };
  split.inputs.forEach(({ shape }, i) => {
    const { name: input, shape: wanted } = signature.inputs[i];
    if (!fits(shape, wanted)) {
      const cure = wanted.length === shape.length + 1 ? 'Is the batch dimension missing?' : 'Reshape the data.';
      throw bad(`${name} inputs, input "${input}"`, `shape ${showShape(wanted)}`, showShape(shape), cure);
    }
  });
  const [{ shape }] = split.inputs;
  for (const { shape: other } of [...split.inputs, ...split.targets]) {
    if (other[0] !== shape[0]) {
      const cure = 'Every array holds one row per example.';
      throw bad(name, `${shape[0]} examples in every array, as in the first input`, String(other[0]), cure);
    }
  }
  return split;
}

async function readArrays(
  place: string,
  value: Examples['inputs'] | undefined,
  count: number,
  unit: string,
): Promise<readonly NdArray[]> {
  if (value === undefined) {
    throw bad(place, 'a tensor or array', 'undefined', 'Pass { train: { inputs, targets } }.');
  }
  const list = Array.isArray(value) ? (value as readonly TensorLike[]) : [value as TensorLike];
  if (list.length !== count) {
    const cure = `Pass one array per model ${unit}.`;
    throw bad(place, `${count} array${count === 1 ? '' : 's'}`, String(list.length), cure);
  }
  const arrays: NdArray[] = [];
  for (const item of list) arrays.push(await readTensorLike(`data: ${place}`, item));
  for (const array of arrays) checkContent(place, array);
  return arrays;
}

function checkContent(place: string, array: NdArray): void {
  if (array.shape.length === 0) throw bad(place, 'examples along the first axis', 'a scalar', 'Stack the examples.');
  if (array.data.length === 0)
    throw bad(place, 'at least one example', `shape ${showShape(array.shape)}`, 'Load data first.');
  const index = firstNotFinite(array);
  if (index < 0) return;
  const example = Math.floor(index / (array.data.length / array.shape[0]));
  throw bad(place, 'finite values', `${array.data[index]} in example ${example}`, 'Clean the data.');
}

function bad(place: string, expected: string, got: string, cure: string): PruneError {
  return new PruneError('bad-data', { place: `data: ${place}`, expected, got, cure });
}
