/** Pruning a checkpoint from files to files: every value against a reference that holds all of it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ndarray, type NdArray } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { decodeFloats, encodeFloats, type FloatType } from '../../lib/io/dtypes';
import { openSafetensors } from '../../lib/io/safetensors';
import { tensorToWrite, writeSafetensors } from '../../lib/io/safetensorsWriter';
import { loadConfig } from '../../lib/models/config';
import { llamaConfigJson, type LlamaConfig } from '../../lib/models/llamaConfig';
import { pruneFiles, type PrunedFiles } from '../../lib/models/pruneFiles';
import { matchTensors, tensorTable } from '../../lib/models/tensorTable';
import { contents, newFolder, removeFolders } from '../io/folder';
import { rejection } from '../zoo/refusal';
import { DATA } from './data';

afterEach(removeFolders);

const LAYER = { heads: 6, keyValueHeads: 3, headSize: 4, valueSize: 4, originalHeadSize: 4, intermediateSize: 20 };
const CONFIG: LlamaConfig = {
  kind: 'llama',
  vocabSize: 11,
  hiddenSize: 24,
  layers: [LAYER, LAYER, LAYER],
  maxPositions: 16,
  rmsEpsilon: 1e-5,
  ropeTheta: 10_000,
  ropeLayout: 'halves',
  activation: 'silu',
  tied: false,
  attentionBias: false,
  feedForwardBias: false,
  beginIds: [1],
  endIds: [2],
  padIds: [],
};

type Tensors = Map<string, NdArray>;

/** A folder with such a model, its values as `dtype` holds them. */
async function saved(
  config: LlamaConfig,
  dtype: FloatType,
  json: object = llamaConfigJson(config),
): Promise<{ folder: string; tensors: Tensors }> {
  const folder = newFolder();
  const { normal } = random(5, 'checkpoint', dtype);
  const tensors: Tensors = new Map();
  for (const { name, shape } of tensorTable(config).rows) {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(normal()));
    tensors.set(name, ndarray(decodeFloats(encodeFloats(values, dtype), dtype), shape));
  }
  const list = [...tensors].map(([name, tensor]) => tensorToWrite(name, tensor, dtype));
  await writeSafetensors(folder, list, { shardBytes: 6000 });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(json));
  writeFileSync(join(folder, 'tokenizer.json'), '{"some":"tokenizer"}');
  writeFileSync(join(folder, 'pytorch_model.bin'), 'not to be copied');
  return { folder, tensors };
}

async function read(folder: string): Promise<Tensors> {
  const files = await openSafetensors(folder);
  const tensors: Tensors = new Map();
  for (const name of files.tensors.keys()) tensors.set(name, await files.read(name));
  return tensors;
}

const row = ({ data, shape }: NdArray, i: number): number[] => {
  const width = shape[1] ?? 1;
  return Array.from(data.subarray(i * width, (i + 1) * width));
};
const transposed = ({ data, shape: [height, width] }: NdArray): NdArray =>
  ndarray(
    Float32Array.from({ length: data.length }, (_, i) => data[(i % height) * width + Math.floor(i / height)]),
    [width, height],
  );
const pickRows = (array: NdArray, rows: readonly number[]): NdArray =>
  ndarray(Float32Array.from(rows.flatMap(i => row(array, i))), [rows.length, ...array.shape.slice(1)]);
const block = (positions: readonly number[], width: number): number[] =>
  positions.flatMap(position => Array.from({ length: width }, (_, i) => position * width + i));
const norm = (values: readonly number[]): number => values.reduce((sum, value) => sum + value * value, 0);

/** The same by hand, with everything in memory. */
function reference(tensors: Tensors, left: readonly number[], groups: number, neurons: number): Tensors {
  const pruned: Tensors = new Map();
  const best = (scores: number[], count: number): number[] =>
    [...scores.keys()]
      .sort((a, b) => scores[b] - scores[a])
      .slice(0, count)
      .sort((a, b) => a - b);
  for (const [name, tensor] of tensors) if (!name.includes('layers.')) pruned.set(name, tensor);
  left.forEach((before, after) => {
    const get = (part: string): NdArray => tensors.get(`model.layers.${before}.${part}.weight`)!;
    const set = (part: string, tensor: NdArray): unknown => pruned.set(`model.layers.${after}.${part}.weight`, tensor);
    const [q, k, v, o] = ['q', 'k', 'v', 'o'].map(part => get(`self_attn.${part}_proj`));
    const scores = [0, 1, 2].map(group => {
      const [wide, narrow] = [block([group], 8), block([group], 4)];
      const blocks = [pickRows(q, wide), pickRows(k, narrow), pickRows(v, narrow), pickRows(transposed(o), wide)];
      return norm(blocks.flatMap(({ data }) => Array.from(data)));
    });
    const kept = best(scores, groups);
    set('self_attn.q_proj', pickRows(q, block(kept, 8)));
    set('self_attn.k_proj', pickRows(k, block(kept, 4)));
    set('self_attn.v_proj', pickRows(v, block(kept, 4)));
    set('self_attn.o_proj', transposed(pickRows(transposed(o), block(kept, 8))));
    const [gate, up, down] = ['gate', 'up', 'down'].map(part => get(`mlp.${part}_proj`));
    const units = [...Array(gate.shape[0]).keys()];
    const magnitudes = units.map(i => norm([...row(gate, i), ...row(up, i), ...row(transposed(down), i)]));
    const strong = best(magnitudes, neurons);
    set('mlp.gate_proj', pickRows(gate, strong));
    set('mlp.up_proj', pickRows(up, strong));
    set('mlp.down_proj', transposed(pickRows(transposed(down), strong)));
    for (const part of ['input_layernorm', 'post_attention_layernorm']) set(part, get(part));
  });
  return pruned;
}

function expectSame(got: Tensors, expected: Tensors): void {
  expect([...got.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, { shape, data }] of expected) {
    expect([name, got.get(name)!.shape]).toEqual([name, shape]);
    expect([name, Array.from(got.get(name)!.data)]).toEqual([name, Array.from(data)]);
  }
}

describe.each(['BF16', 'F16', 'F32'] as const)('%s', dtype => {
  test('heads, neurons and layers go as a reference has it, to the last bit and in the same dtype', async () => {
    const { folder, tensors } = await saved(CONFIG, dtype);
    const to = join(newFolder(), 'pruned');
    const options = { heads: 1 / 3, ffn: 0.35, layers: [1], multipleOf: 4, shardBytes: 5000 };
    const { parameters, layers, config } = await pruneFiles(folder, to, options);
    const expected = reference(tensors, [0, 2], 2, 12);
    expectSame(await read(to), expected);
    const files = await openSafetensors(to);
    expect(new Set([...files.tensors.values()].map(tensor => tensor.dtype))).toEqual(new Set([dtype]));
    expect(await loadConfig(to)).toEqual(config);
    expect(matchTensors('spec', config, files.tensors).size).toBe(expected.size);
    expect(parameters.after).toBe([...expected.values()].reduce((sum, { data }) => sum + data.length, 0));
    expect(layers.map(({ layer, keyValueHeads, neurons }) => [layer, keyValueHeads.length, neurons.length])).toEqual([
      [0, 2, 12],
      [2, 2, 12],
    ]);
  });
});

describe('what is written', () => {
  test('has the tokenizer and the keys of the config that nothing was done to', async () => {
    const json = { ...llamaConfigJson(CONFIG), transformers_version: '4.0.0', torch_dtype: 'bfloat16' };
    const { folder } = await saved(CONFIG, 'BF16', json);
    const to = newFolder();
    await pruneFiles(folder, to, { ffn: 0.5 });
    expect(Object.keys(contents(to))).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    const written = JSON.parse(readFileSync(join(to, 'config.json'), 'utf8')) as object;
    expect(written).toEqual({ ...json, intermediate_size: 10, head_dim: 4 });
  });

  test('is a Mistral where the heads left do not divide the model', async () => {
    const seven = { ...LAYER, heads: 8, keyValueHeads: 8, headSize: 4 };
    const config = { ...CONFIG, layers: [seven, seven] };
    const newer = { rope_parameters: { rope_type: 'default', rope_theta: 500 }, rope_theta: null, rope_scaling: null };
    const { folder } = await saved(config, 'BF16', { ...llamaConfigJson(config), ...newer });
    const to = newFolder();
    const { config: after } = await pruneFiles(folder, to, { heads: 1 / 8 });
    const written = JSON.parse(readFileSync(join(to, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(written).toMatchObject({ model_type: 'mistral', sliding_window: null, head_dim: 4, rope_theta: 500 });
    expect(await loadConfig(to)).toEqual(after);
    expect(after.layers[0].heads).toBe(7);
  });

  test('is the same twice, and replaces what is there', async () => {
    const { folder } = await saved(CONFIG, 'BF16');
    const [to, again] = [newFolder(), newFolder()];
    await pruneFiles(folder, to, { ffn: 0.25, shardBytes: 3000 });
    await pruneFiles(folder, again, { ffn: 0.5 });
    await pruneFiles(folder, again, { ffn: 0.25, shardBytes: 3000 });
    expect(contents(again)).toEqual(contents(to));
    const twice = newFolder();
    const { config } = await pruneFiles(to, twice, { layers: [0] });
    expect(config.layers).toEqual([
      { ...LAYER, intermediateSize: 15 },
      { ...LAYER, intermediateSize: 15 },
    ]);
  });

  test('are biases too', async () => {
    const config = { ...CONFIG, attentionBias: true, feedForwardBias: true };
    const { folder, tensors } = await saved(config, 'F32');
    const to = newFolder();
    const { layers } = await pruneFiles(folder, to, { heads: 1 / 3, ffn: 0.25 });
    const got = await read(to);
    const { keyValueHeads, neurons } = layers[1];
    const name = (part: string): string => `model.layers.1.${part}_proj.bias`;
    const rows = (part: string, kept: readonly number[]): number[] =>
      Array.from(pickRows(tensors.get(name(part))!, kept).data);
    expect(Array.from(got.get(name('self_attn.q'))!.data)).toEqual(rows('self_attn.q', block(keyValueHeads, 8)));
    expect(Array.from(got.get(name('self_attn.v'))!.data)).toEqual(rows('self_attn.v', block(keyValueHeads, 4)));
    expect(Array.from(got.get(name('mlp.up'))!.data)).toEqual(rows('mlp.up', neurons));
    for (const part of ['self_attn.o', 'mlp.down']) expect(got.get(name(part))).toEqual(tensors.get(name(part)));
  });

  test('is told of, and stopped by a signal with nothing left behind', async () => {
    const { folder } = await saved(CONFIG, 'BF16');
    const done: number[] = [];
    const { signal, abort } = ((controller = new AbortController()) => ({
      signal: controller.signal,
      abort: () => controller.abort(),
    }))();
    const to = newFolder();
    await pruneFiles(folder, to, { ffn: 0.25, progress: step => done.push(step.done / step.total) });
    expect(done.length).toBe(3 * 9 + 3);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    const before = contents(to);
    const progress = ({ done: at }: { done: number }): void => void (at === 5 && abort());
    expect((await rejection(pruneFiles(folder, to, { ffn: 0.5, signal, progress }))).code).toBe('aborted');
    expect(contents(to)).toEqual(before);
  });
});

describe('refused', () => {
  test.each([
    [{}, 'bad-option', /something to remove, got nothing\. Set ffn, heads or layers/],
    [{ ffn: 1 }, 'bad-ratio', /ffn in \[0, 1\)/],
    [{ heads: -0.1 }, 'bad-ratio', /heads in \[0, 1\)/],
    [{ heads: 0.9 }, 'empty-group', /A layer has 3 key-value heads and 20 neurons/],
    [{ ffn: 0.99 }, 'empty-group', /something of each layer/],
    [{ layers: [0, 1, 2] }, 'empty-group', /a layer to be left/],
    [{ layers: [3] }, 'bad-option', /different numbers of 0 to 2, got \[3\]/],
    [{ layers: [1, 1] }, 'bad-option', /different numbers of 0 to 2/],
    [{ ffn: 0.5, multipleOf: 0 }, 'bad-option', /multipleOf/],
  ])('%p', async (options, code, message) => {
    const { folder } = await saved(CONFIG, 'BF16');
    const error = await rejection(pruneFiles(folder, newFolder(), options));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test('one folder for both, weights that are no numbers, and other models', async () => {
    const { folder } = await saved(CONFIG, 'BF16');
    expect((await rejection(pruneFiles(folder, `${folder}/.`, { ffn: 0.5 }))).message).toMatch(/two folders/);
    const broken = await openSafetensors(folder);
    const all = [...broken.tensors.keys()].map(async name =>
      tensorToWrite(name, ndarray((await broken.read(name)).data.fill(NaN), broken.tensors.get(name)!.shape), 'BF16'),
    );
    const to = newFolder();
    await writeSafetensors(to, await Promise.all(all));
    writeFileSync(join(to, 'config.json'), readFileSync(join(folder, 'config.json')));
    const error = await rejection(pruneFiles(to, newFolder(), { ffn: 0.5 }));
    expect([error.code, error.message]).toEqual(['bad-weights', expect.stringMatching(/feed-forward part of layer 0/)]);
    const bert = newFolder();
    const sizes = { hidden_size: 8, num_attention_heads: 2, num_hidden_layers: 1, intermediate_size: 8, vocab_size: 8 };
    writeFileSync(join(bert, 'config.json'), JSON.stringify({ model_type: 'bert', ...sizes }));
    expect((await rejection(pruneFiles(bert, newFolder(), { ffn: 0.5 }))).message).toMatch(/a Llama, got bert/);
  });
});

const TRAINED = join(DATA, 'llama/tinystories-656k-hf');
(existsSync(TRAINED) ? test : test.skip)('a trained model, whose embedding is stored as its head', async () => {
  const to = process.env.PRUNED_FOLDER ?? newFolder();
  mkdirSync(to, { recursive: true });
  const { config, layers }: PrunedFiles = await pruneFiles(TRAINED, to, { ffn: 0.25, heads: 0.25, multipleOf: 32 });
  writeFileSync(join(to, 'layers.json'), JSON.stringify(layers));
  const files = await openSafetensors(to);
  expect(matchTensors('spec', config, files.tensors).get('model.embed_tokens.weight')).toBe('lm_head.weight');
  expect(config.layers[1]).toMatchObject({ heads: 6, keyValueHeads: 3, headSize: 16, intermediateSize: 288 });
  expect(await loadConfig(to)).toEqual(config);
});
