/** config.json of Hugging Face: understood as `transformers` saved it, refused by name where it is not. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../lib/io/safetensors';
import { bertConfigJson, type BertConfig } from '../../lib/models/bertConfig';
import { loadConfig, parseConfig, readConfig, type ModelConfig } from '../../lib/models/config';
import { llamaConfigJson, type LlamaConfig } from '../../lib/models/llamaConfig';
import { matchTensors } from '../../lib/models/tensorTable';
import { vitConfigJson, type VitConfig } from '../../lib/models/vitConfig';
import { newFolder, removeFolders } from '../io/folder';
import { refusal, rejection } from '../zoo/refusal';
import { DATA } from './data';

afterEach(removeFolders);

type Shapes = Record<string, number[]>;
type Saved = Record<string, { config: Record<string, unknown>; tensors: Shapes }>;

const SAVED = JSON.parse(readFileSync(join(__dirname, 'fixtures/configs.json'), 'utf8')) as Saved;
const NAMES = Object.keys(SAVED);
const stored = (shapes: Shapes) => new Map(Object.entries(shapes).map(([name, shape]) => [name, { shape }]));

function jsonOf(config: ModelConfig): Record<string, unknown> {
  if (config.kind === 'llama') return llamaConfigJson(config);
  return config.kind === 'bert' ? bertConfigJson(config) : vitConfigJson(config);
}

describe('what transformers saves', () => {
  test.each(NAMES)('%s: every key is understood, and the tensors are those that the config promises', name => {
    const { config: json, tensors } = SAVED[name];
    const config = readConfig(json);
    const found = matchTensors('spec', config, stored(tensors));
    expect([...new Set(found.values())].sort()).toEqual(Object.keys(tensors).sort());
  });

  test.each(NAMES)('%s: is the same after we have written it', name => {
    const config = readConfig(SAVED[name].config);
    expect(readConfig(jsonOf(config))).toEqual(config);
    expect(jsonOf(config)).not.toHaveProperty('tfjs_prune');
  });

  test('says what there is', () => {
    const llama = readConfig(SAVED.llama.config) as LlamaConfig;
    const layer = { heads: 4, keyValueHeads: 2, headSize: 4, valueSize: 4, originalHeadSize: 4, intermediateSize: 24 };
    expect(llama).toEqual({
      kind: 'llama',
      vocabSize: 32,
      hiddenSize: 16,
      layers: [layer, layer],
      maxPositions: 64,
      rmsEpsilon: 1e-6,
      ropeTheta: 500,
      ropeLayout: 'halves',
      activation: 'silu',
      tied: false,
      attentionBias: false,
      feedForwardBias: false,
      beginIds: [1],
      endIds: [2, 3],
      padIds: [],
    });
    const tied = readConfig(SAVED.llamaTied.config) as LlamaConfig;
    expect([tied.tied, tied.layers[0].headSize]).toEqual([true, 6]);
    const biased = readConfig(SAVED.llamaBiased.config) as LlamaConfig;
    expect([biased.attentionBias, biased.feedForwardBias, biased.activation]).toEqual([true, true, 'gelu']);
    expect(readConfig(SAVED.mistral.config)).toMatchObject({ kind: 'llama', layers: [{ heads: 6, headSize: 4 }, {}] });
    const bert = readConfig(SAVED.bertClassifier.config) as BertConfig;
    expect([bert.labels, bert.tokenTypes, bert.maxPositions]).toEqual([['a', 'b', 'c'], 2, 512]);
    expect((readConfig(SAVED.bertMasked.config) as BertConfig).activation).toBe('geluTanh');
    const vit = readConfig(SAVED.vit.config) as VitConfig;
    expect([vit.labels.length, vit.imageSize, vit.patchSize, vit.channels, vit.queryBias]).toEqual([5, 8, 4, 1, true]);
    expect([vit.poolerSize, vit.poolerActivation]).toEqual([undefined, 'tanh']);
    expect((readConfig(SAVED.vitUnbiased.config) as VitConfig).queryBias).toBe(false);
  });

  test('a Llama with biases whose heads do not divide the width is told as a Granite with the factors of a Llama', () => {
    const biased = readConfig(SAVED.llamaBiased.config) as LlamaConfig;
    const layers = biased.layers.map(layer => ({ ...layer, heads: 3, keyValueHeads: 3 }));
    const config = { ...biased, layers };
    const json = llamaConfigJson(config);
    const factors = { attention_multiplier: 1 / Math.sqrt(layers[0].headSize), embedding_multiplier: 1, residual_multiplier: 1, logits_scaling: 1 }; // prettier-ignore
    expect(json).toMatchObject({ model_type: 'granite', attention_bias: true, mlp_bias: true, ...factors });
    expect(readConfig(json)).toEqual(config);
    for (const [key, value] of [
      ['attention_multiplier', 1],
      ['residual_multiplier', 0.22],
      ['logits_scaling', 8],
    ] as const) {
      // prettier-ignore
      expect(refusal(() => readConfig({ ...json, [key]: value })).message).toContain(key);
    }
    const { attention_multiplier: _, ...bare } = json;
    expect(refusal(() => readConfig(bare)).message).toContain('attention_multiplier');
  });

  test('may be of versions before, which had other keys', () => {
    const { rope_parameters: _, dtype, ...rest } = SAVED.llama.config;
    const old = { ...rest, torch_dtype: dtype, rope_theta: 500, rope_scaling: null, pretraining_tp: 1 };
    expect(readConfig(old)).toEqual(readConfig(SAVED.llama.config));
    const { head_dim: __, num_key_value_heads: ___, ...bare } = old as Record<string, unknown>;
    expect((readConfig(bare) as LlamaConfig).layers[0]).toMatchObject({ keyValueHeads: 4, headSize: 4 });
  });

  test('is found in its folder', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'config.json'), JSON.stringify(SAVED.vit.config));
    expect(await loadConfig(folder)).toEqual(readConfig(SAVED.vit.config));
    expect((await rejection(loadConfig(newFolder()))).message).toMatch(/expected a config\.json, got no such file/);
  });
});

describe('refused', () => {
  const cases: [string, object, RegExp][] = [
    ['llama', { model_type: 'gpt2' }, /model_type llama, mistral, granite, bert, vit, got "gpt2"/],
    ['llama', { model_type: 'toString' }, /got "toString"/],
    ['llama', { logit_softcap: 30 }, /keys that are understood, got logit_softcap 30\. What it changes/],
    ['llama', { rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling to be .*"linear".*Scaled rotary/],
    ['llama', { rope_parameters: { rope_type: 'llama3', rope_theta: 1 } }, /rope_parameters of type "default".*llama3/],
    ['llama', { rope_parameters: { rope_type: 'default', factor: 8 } }, /factor/],
    ['llama', { rope_theta: 600 }, /rope_parameters of type "default" with a rope_theta/],
    ['llama', { quantization_config: { bits: 4 } }, /quantization_config to be null, got.*Take a checkpoint in F32/],
    ['llama', { num_hidden_layers: 2 ** 50 }, /num_hidden_layers of at most 10000, got 1125899906842624/],
    ['bert', { num_labels: 2 ** 40 }, /num_labels of at most 1000000/],
    ['llama', { hidden_act: 'mish' }, /hidden_act to be one of silu, swish, gelu/],
    ['llama', { hidden_act: 'constructor' }, /hidden_act to be one of/],
    ['llama', { num_key_value_heads: 3 }, /num_key_value_heads that divide num_attention_heads, got 3 and 4/],
    ['llama', { num_attention_heads: 6, head_dim: null }, /divide hidden_size, or a head_dim, got 6 and 16/],
    ['llama', { head_dim: 5 }, /heads of even width.*got 5/],
    ['llama', { hidden_size: 16.5 }, /hidden_size to be a whole number of at least 1, got 16.5/],
    ['llama', { hidden_size: null }, /hidden_size to be .* got none/],
    ['llama', { vocab_size: '32' }, /vocab_size to be .* got "32"/],
    ['llama', { rms_norm_eps: 0 }, /rms_norm_eps to be a positive number/],
    ['llama', { tie_word_embeddings: 'yes' }, /tie_word_embeddings to be true or false/],
    ['llama', { eos_token_id: ['</s>'] }, /eos_token_id to be a token's number/],
    ['mistral', { sliding_window: 4096 }, /sliding_window to be null, got 4096\. Attention with a window/],
    ['mistral', { sliding_window: undefined }, /sliding_window to be null, got none, which stands for 4096/],
    ['mistral', { num_key_value_heads: undefined }, /num_key_value_heads that divide num_attention_heads, got 8 and 6/],
    ['bert', { position_embedding_type: 'relative_key' }, /position_embedding_type to be "absolute" or null/],
    ['bert', { is_decoder: true }, /is_decoder to be false/],
    ['bert', { pruned_heads: [1] }, /pruned_heads to be an object/],
    ['bert', { pruned_heads: { 2: [1] } }, /pruned_heads of layers below 2, got 2/],
    ['bert', { pruned_heads: { 0: [4] } }, /pruned_heads to list some heads below 4, not all, got \[4\]/],
    ['bert', { pruned_heads: { 0: [0, 1, 2, 3] } }, /some heads below 4, not all/],
    ['bert', { pruned_heads: { 0: [1] }, tfjs_prune: { layers: [{}, {}] } }, /pruned_heads or tfjs_prune, got both/],
    ['bert', { tfjs_prune: { layers: [{}, {}], depth: 2 } }, /keys of tfjs_prune that are understood, got depth/],
    [
      'bert',
      { tfjs_prune: { layers: [{}, {}], pooler_size: 0 } },
      /pooler_size of tfjs_prune to be .* at least 1, got 0/,
    ],
    ['llama', { tfjs_prune: { layers: [{}, {}], norm_width: 16 } }, /keys of tfjs_prune that .*, got norm_width/],
    ['bert', { head_dim: 4 }, /keys that are understood, got head_dim 4/],
    ['vit', { head_dim: 0 }, /head_dim to be a whole number of at least 1/],
    ['bert', { num_attention_heads: 3 }, /num_attention_heads that divide hidden_size, got 3 and 16/],
    ['bertClassifier', { id2label: { 0: 'a', 2: 'b' } }, /id2label with a word for each of 0 to 1/],
    ['bertClassifier', { label2id: { a: 1, b: 0 } }, /label2id to be id2label the other way round/],
    ['vit', { patch_size: 3 }, /patch_size that divides image_size, got 3 and 8/],
    ['vit', { tfjs_prune: { layers: [] } }, /tfjs_prune to list num_hidden_layers = 2 layers, got 0/],
  ];
  test.each(cases)('%s with %p', (name, change, message) => {
    const error = refusal(() => parseConfig(JSON.stringify({ ...SAVED[name].config, ...change }), 'x/config.json'));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('config "x/config.json"');
  });

  test('text that is no config', () => {
    expect(refusal(() => parseConfig('{')).message).toMatch(/expected JSON/);
    expect(refusal(() => parseConfig('[]')).message).toMatch(/a JSON object/);
    expect(refusal(() => parseConfig('{}')).message).toMatch(/model_type llama, mistral, granite, bert, vit, got none/);
  });
});

describe('layers that differ', () => {
  const uniform = readConfig(SAVED.llama.config) as LlamaConfig;
  const [layer] = uniform.layers;
  const odd: LlamaConfig = {
    ...uniform,
    layers: [
      { ...layer, heads: 2, keyValueHeads: 1, intermediateSize: 7, valueSize: 3 },
      { ...layer, heads: 4, keyValueHeads: 4, headSize: 2, rotaryPairs: [1], intermediateSize: 0 },
    ],
  };

  test('are told one by one, and read back', () => {
    const json = llamaConfigJson(odd);
    expect(json.tfjs_prune).toEqual({
      layers: [
        {
          num_attention_heads: 2,
          num_key_value_heads: 1,
          head_dim: 4,
          value_head_dim: 3,
          original_head_dim: 4,
          intermediate_size: 7,
        },
        {
          num_attention_heads: 4,
          num_key_value_heads: 4,
          head_dim: 2,
          value_head_dim: 4,
          original_head_dim: 4,
          rotary_pairs: [1],
          intermediate_size: 0,
        },
      ],
    });
    expect(readConfig(JSON.parse(JSON.stringify(json)) as Record<string, unknown>)).toEqual(odd);
  });

  test('have tensors of their own shapes', () => {
    const rows = [...matchTensors('spec', odd, stored(shapesOf(odd))).keys()];
    expect(rows).toContain('model.layers.0.mlp.up_proj.weight');
    expect(rows).not.toContain('model.layers.1.mlp.up_proj.weight');
    expect(shapesOf(odd)['model.layers.0.self_attn.o_proj.weight']).toEqual([16, 6]);
    expect(shapesOf(odd)['model.layers.1.self_attn.q_proj.weight']).toEqual([8, 16]);
  });

  test('in encoders: what transformers has no key for is told under ours', () => {
    const bert = readConfig(SAVED.bert.config) as BertConfig;
    const [usual] = bert.layers;
    const narrow = [{ ...usual, heads: 3, keyValueHeads: 3, intermediateSize: 7 }, usual];
    for (const more of [{}, { normWidth: 20 }, { poolerSize: 5, transformSize: 9 }]) {
      const pruned = { ...bert, layers: narrow, ...more };
      expect(bertConfigJson(pruned)).toHaveProperty('tfjs_prune');
      expect(bertConfigJson(pruned)).not.toHaveProperty('pruned_heads');
      expect(readConfig(bertConfigJson(pruned))).toEqual(pruned);
    }
  });

  test('in encoders: whole heads that are gone are told as transformers does', () => {
    const bert = readConfig(SAVED.bert.config) as BertConfig;
    const vit = readConfig(SAVED.vit.config) as VitConfig;
    const with3 = { ...bert.layers[0], heads: 3, keyValueHeads: 3 };
    const [different, alike] = [[with3, bert.layers[0]], [with3, with3]]; // prettier-ignore
    const toldBy = (config: BertConfig | VitConfig, layers: readonly (typeof with3)[]): object => {
      const pruned = { ...config, layers };
      expect(readConfig(jsonOf(pruned))).toEqual(pruned);
      const { num_attention_heads, head_dim, pruned_heads, tfjs_prune } = jsonOf(pruned);
      return { num_attention_heads, head_dim, pruned_heads, tfjs_prune };
    };
    const before5 = (pruned_heads: object) => ({ num_attention_heads: 4, pruned_heads });
    expect(toldBy(bert, different)).toEqual(before5({ 0: [3] }));
    expect(toldBy(bert, alike)).toEqual(before5({ 0: [3], 1: [3] }));
    expect(toldBy(vit, different)).toEqual(before5({ 0: [3] }));
    expect(toldBy(vit, alike)).toEqual({ num_attention_heads: 3, head_dim: 4 });
    const which = readConfig({ ...SAVED.bert.config, pruned_heads: { 1: [0, 2] } }) as BertConfig;
    expect(which.layers.map(({ heads, headSize }) => [heads, headSize])).toEqual([[4, 4], [2, 4]]); // prettier-ignore
  });

  test('all alike but with heads that do not divide the model are a Mistral, which is the same', () => {
    const three = { ...layer, heads: 3, keyValueHeads: 1 };
    const config = { ...uniform, layers: [three, three] };
    const json = llamaConfigJson(config);
    expect(json).toMatchObject({ model_type: 'mistral', sliding_window: null, head_dim: 4, num_attention_heads: 3 });
    expect(json).not.toHaveProperty('tfjs_prune');
    expect(readConfig(json)).toEqual(config);
  });

  test.each([
    [{ num_attention_heads: 3 }, /layer 0 of tfjs_prune with num_key_value_heads that divide.*2 and 3/],
    [{ heads: 3 }, /keys that are understood, got heads/],
    [{ head_dim: 2, rotary_pairs: [2] }, /rotary_pairs of 1 ascending numbers below 2, got \[2\]/],
    [{ head_dim: -1 }, /head_dim to be a whole number of at least 0/],
    [{ head_dim: 0 }, /heads of some width/],
  ])('%p is refused', (first, message) => {
    const json = { ...SAVED.llama.config, tfjs_prune: { layers: [first, {}] } };
    expect(refusal(() => readConfig(json)).message).toMatch(message);
  });
});

describe('a checkpoint that contradicts its config', () => {
  const { config: json, tensors } = SAVED.llama;
  const config = readConfig(json);
  const key = 'model.layers.1.self_attn.k_proj.weight';
  test.each([
    ['another shape', { ...tensors, [key]: [16, 16] }, /k_proj\.weight": expected shape \[8,16\].*got \[16,16\]/],
    ['the same number of values', { ...tensors, [key]: [16, 8] }, /expected shape \[8,16\]/],
    [
      'nothing',
      Object.fromEntries(Object.entries(tensors).filter(([name]) => name !== key)),
      /k_proj\.weight".* got none/,
    ],
    [
      'more',
      { ...tensors, 'model.layers.2.mlp.up_proj.weight': [1] },
      /layers\.2.*of the model that its config describes/,
    ],
  ])('%s', (_, shapes, message) => {
    const error = refusal(() => matchTensors('spec', config, stored(shapes)));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
  });

  test('prefixes, old names and constants that files may have do no harm', () => {
    const all: Shapes = { 'bert.embeddings.position_ids': [1, 512] };
    for (const [name, shape] of Object.entries(SAVED.bert.tensors)) {
      all[`bert.${name.replace('LayerNorm.weight', 'LayerNorm.gamma')}`] = shape;
    }
    const found = matchTensors('spec', readConfig(SAVED.bert.config), stored(all));
    expect(found.get('bert.embeddings.LayerNorm.weight')).toBe('bert.embeddings.LayerNorm.gamma');
  });
});

const TRAINED = join(DATA, 'llama/tinystories-656k-hf');
(existsSync(TRAINED) ? test : test.skip)('a trained checkpoint, whose embedding is stored as its head', async () => {
  const [config, files] = [await loadConfig(TRAINED), await openSafetensors(TRAINED)];
  const found = matchTensors('spec', config, files.tensors);
  expect(found.get('model.embed_tokens.weight')).toBe('lm_head.weight');
  expect(found.size).toBe(files.tensors.size);
});

function shapesOf(config: ModelConfig): Shapes {
  const all = new Map<string, { shape: number[] }>();
  for (;;) {
    try {
      matchTensors('spec', config, all);
      return Object.fromEntries([...all].map(([name, { shape }]) => [name, shape]));
    } catch (error) {
      const [, name, shape] = /tensor "(.*?)": expected shape (\[.*?\])/.exec((error as Error).message)!;
      all.set(name, { shape: JSON.parse(shape) });
    }
  }
}
