/** Valid model files, and what chance makes of them. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as layers from '@tensorflow/tfjs-layers';
import type { Random } from '../../lib/core/random';
import { saveLayersModel } from '../../lib/runtime/files';
import { NETS } from '../zoo/nets';
import { randomize } from '../zoo/weights';
import { newFolder } from './folder';
import { fork, perceptron, recurrent } from './models';

/** Content by name. */
export type Files = Readonly<Record<string, Buffer>>;

export interface Base {
  readonly name: string;
  readonly files: Files;
}

const FIXTURES = ['vision-h5', 'vision-keras', 'sequence-keras', 'vision-h5-uint8'];

/** One of each kind that the format knows. */
export async function baseFiles(): Promise<Base[]> {
  const models: [string, () => layers.LayersModel, object?][] = [
    ['perceptron', perceptron],
    ['fork', fork],
    ['recurrent', recurrent],
    ['nested', nested],
    ['residual', NETS.residual],
    ['separable', NETS.separable],
    ['sharedLayer', NETS.sharedLayer],
    ['manyInputsAndOutputs', NETS.manyInputsAndOutputs],
    ['float16', fork, { quantize: 'float16' }],
    ['uint16', perceptron, { quantize: 'uint16' }],
  ];
  const saved = models.map(async ([name, build, options]): Promise<Base> => {
    const model = build();
    const folder = newFolder();
    await saveLayersModel(model, folder, options);
    return { name, files: filesIn(folder) };
  });
  const fixtures = FIXTURES.map(name => ({ name, files: filesIn(join(__dirname, 'fixtures', name)) }));
  const all = [...(await Promise.all(saved)), ...fixtures];
  return [...all, { name: 'several shards', files: inSeveralShards(all[0].files) }];
}

function nested(): layers.LayersModel {
  const { dense } = layers.layers;
  const inner = layers.sequential({
    name: 'inner',
    layers: [dense({ name: 'a', units: 3, inputShape: [5] }), dense({ name: 'b', units: 5 })],
  });
  const x = layers.input({ shape: [5], name: 'x' });
  const y = inner.apply(inner.apply(x)) as layers.SymbolicTensor;
  return randomize(
    layers.model({
      inputs: x,
      outputs: dense({ name: 'head', units: 2 }).apply(y) as layers.SymbolicTensor,
      name: 'net',
    }),
  );
}

function inSeveralShards(files: Files): Files {
  const json = JSON.parse(files['model.json'].toString()) as { weightsManifest: { paths: string[] }[] };
  const [group] = json.weightsManifest;
  const bytes = files[group.paths[0]];
  const cuts = [0, 7, 100, bytes.length];
  group.paths = [0, 1, 2].map(i => `part${i}.bin`);
  const parts = group.paths.map((name, i) => [name, bytes.subarray(cuts[i], cuts[i + 1])] as const);
  return { ...Object.fromEntries(parts), 'model.json': Buffer.from(JSON.stringify(json)) };
}

function filesIn(folder: string): Files {
  const names = readdirSync(folder).filter(name => name !== 'probe.json');
  return Object.fromEntries(names.map(name => [name, readFileSync(join(folder, name))]));
}

export function writeFiles(folder: string, files: Files): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

/** `files` after one to three changes, and what they were. */
export function mutate(files: Files, draw: Random): { files: Files; changes: string[] } {
  const changes: string[] = [];
  let changed = files;
  for (let left = oneOf(draw, [1, 1, 1, 2, 3]); left > 0; left--) {
    const kind = draw.uniform();
    if (kind < 0.12) changed = changeShard(changed, draw, changes);
    else if (kind < 0.15) changed = changeText(changed, draw, changes);
    else changed = changeJson(changed, draw, changes, kind < 0.7 ? 'mild' : undefined);
  }
  return { files: changed, changes };
}

function pick(draw: Random, count: number): number {
  return Math.min(count - 1, Math.floor(draw.uniform() * count));
}

function oneOf<T>(draw: Random, list: readonly T[]): T {
  return list[pick(draw, list.length)];
}

function changeShard(files: Files, draw: Random, changes: string[]): Files {
  const names = Object.keys(files).filter(name => name !== 'model.json');
  if (names.length === 0) return files;
  const [name, other] = [oneOf(draw, names), oneOf(draw, names)];
  const bytes = Buffer.from(files[name]);
  const at = pick(draw, bytes.length + 1);
  const ways: Record<string, () => Files> = {
    flip: () => {
      if (at < bytes.length) bytes[at] ^= 1 << pick(draw, 8);
      return { ...files, [name]: bytes };
    },
    fill: () => ({ ...files, [name]: bytes.fill(oneOf(draw, [0, 0x7f, 0xff]), at, Math.min(at + 4, bytes.length)) }),
    cut: () => ({ ...files, [name]: bytes.subarray(0, at) }),
    grow: () => ({ ...files, [name]: Buffer.concat([bytes, bytes.subarray(at)]) }),
    swap: () => ({ ...files, [name]: files[other], [other]: files[name] }),
    drop: () => Object.fromEntries(Object.entries(files).filter(([key]) => key !== name)),
  };
  const way = oneOf(draw, Object.keys(ways));
  changes.push(`${way} ${name} at ${at}`);
  return ways[way]();
}

function changeText(files: Files, draw: Random, changes: string[]): Files {
  const text = files['model.json'].toString('latin1');
  const at = pick(draw, text.length);
  const ways = [
    text.slice(0, at),
    text.slice(0, at) + oneOf(draw, ['"', '}', '[', ',', '0', '-', 'e99', '\\u0000', '\ufeff']) + text.slice(at + 1),
    text.slice(0, at) + text.slice(at + 1 + pick(draw, 40)),
  ];
  const way = pick(draw, ways.length);
  changes.push(`text ${way} at ${at}`);
  return { ...files, 'model.json': Buffer.from(ways[way], 'latin1') };
}

interface Spot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  readonly path: string;
}

/** Every value in `json` and where it is. */
function spotsOf(json: unknown, path = ''): Spot[] {
  if (typeof json !== 'object' || json === null) return [];
  const holder = json as Record<string, unknown>;
  return Object.keys(holder).flatMap(key => [
    { holder, key, path: `${path}.${key}` },
    ...spotsOf(holder[key], `${path}.${key}`),
  ]);
}

/** Infinity cannot be written in JSON, but 1e999 can, which is read as that. */
const HUGE = '<1e999>';
const NUMBERS = [
  0,
  -0,
  -1,
  1,
  2,
  3,
  0.5,
  7,
  255,
  1e4,
  1e6,
  1e9,
  1e12,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -1e12,
  1e-9,
  1e308,
  HUGE,
];
const WORDS = [
  '',
  'x',
  '__proto__',
  'constructor',
  'toString',
  'same',
  'linear',
  'relu',
  'softmax',
  'channels_first',
  'float32',
  'int32',
  'bool',
  'Dense',
  'InputLayer',
  'Add',
  'Flatten',
  'Sequential',
  'Functional',
  'Activation',
  'Concatenate',
  'Reshape',
  '../x',
  'a/b',
  'x'.repeat(5000),
];
const OTHERS = [null, true, false, [], {}, [[]], [null], [1, 2], { name: 'x' }, { class_name: 'Dense', config: {} }];

/** Other values that a sound file might hold. */
const PLAUSIBLE: Readonly<Record<string, readonly unknown[]>> = {
  activation: ['linear', 'relu', 'relu6', 'softmax', 'sigmoid', 'tanh', 'selu', 'hard_sigmoid', 'mish', 'gelu', null],
  recurrent_activation: ['sigmoid', 'hard_sigmoid', 'tanh'],
  padding: ['same', 'valid', 'causal'],
  data_format: ['channels_last', 'channels_first', null],
  strides: [1, 2, 3, [1, 1], [2, 2], [1, 2], null],
  pool_size: [1, 2, [2, 2], [3, 1], 100],
  kernel_size: [1, 2, 3, [3, 3], [1, 3]],
  dilation_rate: [1, 2, [1, 1], [2, 2]],
  axis: [-1, 0, 1, 2, 3, [3], -2],
  class_name: [
    'Add',
    'Average',
    'Multiply',
    'Concatenate',
    'Maximum',
    'Flatten',
    'Activation',
    'Dropout',
    'Dense',
    'GRU',
    'LSTM',
  ],
  merge_mode: ['concat', 'sum', 'mul', 'ave', null],
  batch_input_shape: [
    [null, 5],
    [2, 5],
    [null, null],
    [null, 8, 8, 3],
    [null, null, null, 3],
  ],
  dtype: ['float32', 'int32', 'bool', 'uint8', 'float16', 'mixed_float16'],
  epsilon: [0, 1e-3, 1, -1],
  rate: [0, 0.5, 1],
  min: [0, -1, 1e6],
  scale: [true, false, 0, 1, -1, 1e-9],
};

/** Changes a value that is likely to matter into one that is likely to be read. */
function changeMildly({ holder, key }: Spot, draw: Random): void {
  const value = holder[key];
  if (typeof value === 'boolean') holder[key] = !value;
  else if (PLAUSIBLE[key]) holder[key] = oneOf(draw, PLAUSIBLE[key]);
  else if (typeof value === 'number') holder[key] = value + oneOf(draw, [-1, 1, 0.25]);
}

const isMild = ({ holder, key, path }: Spot): boolean => {
  if (/initializer|module|registered|metadata|build_config/.test(path)) return false;
  return key in PLAUSIBLE || ['boolean', 'number'].includes(typeof holder[key]);
};

function changeJson(files: Files, draw: Random, changes: string[], only?: 'mild'): Files {
  let json: unknown;
  try {
    json = JSON.parse(files['model.json'].toString());
  } catch {
    return files;
  }
  const spots = spotsOf(json);
  if (spots.length === 0) return files;
  const mild = spots.filter(isMild);
  const { holder, key, path } = oneOf(draw, only && mild.length > 0 ? mild : spots);
  const value = holder[key];
  const list = Array.isArray(holder) ? (holder as unknown[]) : undefined;
  const numbers = spots.filter(spot => typeof spot.holder[spot.key] === 'number');
  const words = spots.filter(spot => typeof spot.holder[spot.key] === 'string');
  const ways: Record<string, () => unknown> = {
    extreme: () => (holder[key] = oneOf(draw, NUMBERS)),
    word: () => (holder[key] = oneOf(draw, WORDS)),
    other: () => (holder[key] = oneOf(draw, OTHERS)),
    drop: () => (list ? list.splice(Number(key), 1) : delete holder[key]),
    twice: () => (list ? list.splice(Number(key), 0, copy(value)) : (holder[`${key}_`] = copy(value))),
    move: () => (list ? list.push(...list.splice(Number(key), 1)) : (holder[oneOf(draw, spots).key] = value)),
    splice: () => {
      const from = oneOf(draw, spots);
      holder[key] = copy(from.holder[from.key]);
    },
    near: () => {
      const spot = oneOf(draw, numbers.length > 0 ? numbers : spots);
      spot.holder[spot.key] = Number(spot.holder[spot.key]) + oneOf(draw, [-1, 1, 1, 2]);
    },
    number: () => {
      const spot = oneOf(draw, numbers.length > 0 ? numbers : spots);
      spot.holder[spot.key] = oneOf(draw, NUMBERS);
    },
    rename: () => {
      const [spot, from] = [oneOf(draw, words), oneOf(draw, words)];
      if (spot && from) spot.holder[spot.key] = from.holder[from.key];
    },
    add: () => (holder[oneOf(draw, KEYS)] = oneOf<unknown>(draw, [...NUMBERS, ...WORDS, ...OTHERS])),
    mild: () => changeMildly({ holder, key, path }, draw),
    nest: () => {
      for (let depth = oneOf(draw, [1, 5, 300]); depth > 0; depth--) holder[key] = [holder[key]];
    },
  };
  const way = oneOf(draw, Object.keys(ways));
  ways[way]();
  changes.push(
    `${way} ${path.slice(0, 120)} (${JSON.stringify(value)?.slice(0, 60)} -> ${JSON.stringify(holder[key])?.slice(0, 60)})`,
  );
  return { ...files, 'model.json': Buffer.from(JSON.stringify(json).replaceAll(`"${HUGE}"`, '1e999')) };
}

/** Settings that layers of tf.js look at. */
const KEYS = [
  'units',
  'batch_input_shape',
  'input_shape',
  'weights',
  'trainable',
  'stateful',
  'use_bias',
  'custom_objects',
  'layers',
  'inputLayers',
  'inboundNodes',
  'kernel_constraint',
  'activity_regularizer',
  'dtype',
  'batch_size',
  'cells',
  'quantization',
  'group',
  'model_config',
  'training_config',
  'data_format',
  'dilation_rate',
  'name',
];

function copy(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
