/** Checkpoints of llama2.c: both formats, made here and, where there is one, trained. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { llama2cFromBytes, openLlama2c, type Llama2c } from '../../lib/models/llama2c';
import { matchTensors } from '../../lib/models/tensorTable';
import { rejection } from '../zoo/refusal';
import { DATA } from './data';

/** Widths of a header: dim, hidden, layers, heads, key-value heads, vocab, positions. */
const SIZES = [8, 5, 2, 4, 2, 11, 6];
const [DIM, HIDDEN, LAYERS, , KV, VOCAB, POSITIONS] = SIZES;
const KEY = 2 * KV;

/** Values that tell their tensor, by `seed`, and their place in it; float32 holds them exactly. */
const valuesOf = (seed: number, length: number): number[] => Array.from({ length }, (_, i) => seed + i / 1024);

const MATRICES: [string, number][] = [
  ['self_attn.q_proj', DIM * DIM],
  ['self_attn.k_proj', KEY * DIM],
  ['self_attn.v_proj', KEY * DIM],
  ['self_attn.o_proj', DIM * DIM],
  ['mlp.gate_proj', HIDDEN * DIM],
  ['mlp.down_proj', DIM * HIDDEN],
  ['mlp.up_proj', HIDDEN * DIM],
];

function weights(): Map<string, number[]> {
  const all = new Map<string, number[]>([
    ['model.embed_tokens.weight', valuesOf(1, VOCAB * DIM)],
    ['model.norm.weight', valuesOf(2, DIM)],
    ['lm_head.weight', valuesOf(3, VOCAB * DIM)],
  ]);
  for (let i = 0; i < LAYERS; i++) {
    const name = (part: string): string => `model.layers.${i}.${part}.weight`;
    all.set(name('input_layernorm'), valuesOf(10 + 100 * i, DIM));
    all.set(name('post_attention_layernorm'), valuesOf(11 + 100 * i, DIM));
    MATRICES.forEach(([part, length], m) => all.set(name(part), valuesOf(20 + m + 100 * i, length)));
  }
  return all;
}

/** As llama2.c's export.py writes them. */
function fileOf(version: 0 | 1, tied: boolean, sizes = SIZES): Uint8Array {
  const all = weights();
  const layers = (part: string): number[] =>
    Array.from({ length: LAYERS }, (_, i) => all.get(`model.layers.${i}.${part}.weight`)!).flat();
  const matrices = MATRICES.map(([part]) => layers(part));
  const [norms, feedForwardNorms] = [layers('input_layernorm'), layers('post_attention_layernorm')];
  const [embedding, norm] = [all.get('model.embed_tokens.weight')!, all.get('model.norm.weight')!];
  const head = tied ? [] : all.get('lm_head.weight')!;
  const angles = new Array<number>(POSITIONS * (DIM / 4)).fill(9);
  const body =
    version === 1
      ? [norms, feedForwardNorms, norm, embedding, ...matrices, head]
      : [embedding, norms, ...matrices.slice(0, 4), feedForwardNorms, ...matrices.slice(4), norm, angles, head];
  const header = Buffer.alloc(version === 1 ? 256 : 28);
  const numbers = version === 1 ? [0x616b3432, 1, ...sizes] : sizes.map((size, i) => (i === 5 && !tied ? -size : size));
  numbers.forEach((number, i) => header.writeInt32LE(number, 4 * i));
  if (version === 1) header.writeUInt8(Number(tied), 36);
  return new Uint8Array(Buffer.concat([header, Buffer.from(Float32Array.from(body.flat()).buffer)]));
}

async function valuesIn({ files }: Llama2c): Promise<Map<string, number[]>> {
  const all = new Map<string, number[]>();
  for (const name of files.tensors.keys()) all.set(name, Array.from((await files.read(name)).data));
  return all;
}

describe.each([0, 1] as const)('version %i', version => {
  test.each([true, false])('with the output layer tied to the embedding: %p', async tied => {
    const checkpoint = await llama2cFromBytes(fileOf(version, tied));
    const expected = weights();
    if (tied) expected.delete('lm_head.weight');
    const got = await valuesIn(checkpoint);
    expect([...got.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, values] of expected) expect(got.get(name)).toEqual(values);
    const { config, files } = checkpoint;
    expect(matchTensors('spec', config, files.tensors).size).toBe(expected.size);
    expect(config).toMatchObject({ tied, ropeLayout: 'pairs', vocabSize: 11, maxPositions: 6, hiddenSize: 8 });
    expect(config.layers[1]).toMatchObject({ heads: 4, keyValueHeads: 2, headSize: 2, intermediateSize: 5 });
  });

  test.each([1, 4, -1, -4, -200])('with %i bytes more is refused', async more => {
    const bytes = fileOf(version, true);
    const changed = new Uint8Array(bytes.length + more);
    changed.set(bytes.subarray(0, changed.length));
    const error = await rejection(llama2cFromBytes(changed, 'x.bin'));
    expect(error.code).toBe('bad-file');
    expect(error.message).toContain(`"x.bin": expected ${bytes.length} bytes, as its header says, got`);
  });

  test.each([
    ['a size of 0', 0, 0, /numbers above 0, got dim 0/],
    ['a negative size', 6, -6, /numbers above 0, got positions -6/],
    ['endless layers', 2, 2 ** 31 - 1, /bytes, as its header says/],
    ['endless tokens', 5, 2 ** 31 - 1, /bytes, as its header says/],
    ['heads that do not fit', 3, 3, /heads of one even width, got 3 in 8/],
    ['heads of odd width', 3, 8, /heads of one even width/],
    ['groups that do not fit', 4, 3, /key-value heads that divide the heads, got 3 and 4/],
  ])('with %s is refused', async (_, place, value, message) => {
    const sizes = SIZES.map((size, i) => (i === place ? value : size));
    const start = process.cpuUsage();
    expect((await rejection(llama2cFromBytes(fileOf(version, true, sizes)))).message).toMatch(message);
    expect(process.cpuUsage(start).user).toBeLessThan(1e6);
  });
});

test('other versions, and what is no checkpoint, are refused', async () => {
  const version2 = fileOf(1, true);
  version2[4] = 2;
  expect((await rejection(llama2cFromBytes(version2))).message).toMatch(/version 1, which holds float32, got 2/);
  const odd = fileOf(1, true);
  odd[36] = 7;
  expect((await rejection(llama2cFromBytes(odd))).message).toMatch(/a byte 0 or 1 for a shared classifier, got 7/);
  expect((await rejection(llama2cFromBytes(new Uint8Array(27)))).message).toMatch(/a header of 28 bytes, got 27/);
  expect((await rejection(llama2cFromBytes(fileOf(1, true).subarray(0, 99)))).message).toMatch(/a header of 256 bytes/);
  expect((await rejection(openLlama2c('no/such.bin'))).message).toMatch(
    /expected a checkpoint of llama2\.c, got no such/,
  );
});

const TRAINED = join(DATA, 'llama/stories260K');
(existsSync(TRAINED) ? test : test.skip)('a trained model has the same tensors in both formats', async () => {
  const legacy = await openLlama2c(join(TRAINED, 'checkpoint_legacy.bin'));
  const versionOne = await openLlama2c(join(TRAINED, 'checkpoint_v1.bin'));
  expect(legacy.config).toEqual(versionOne.config);
  expect(legacy.config).toMatchObject({ hiddenSize: 64, vocabSize: 512, maxPositions: 512, tied: true });
  const [a, b] = [await valuesIn(legacy), await valuesIn(versionOne)];
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  for (const [name, values] of a) expect(b.get(name)).toEqual(values);
  expect([...a.values()].reduce((sum, values) => sum + values.length, 0)).toBe(260032);
  await expect(rejection(openLlama2c(join(TRAINED, 'tokenizer.bin')))).resolves.toMatchObject({ code: 'bad-file' });
});
