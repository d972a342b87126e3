/** Folders that do not hold what is asked for. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadBert, loadLlama, loadVit, saveHuggingFace } from 'tfjs-prune';
import { CPU_KERNELS } from '../backend';
import { fixture } from './fixtures';

let folder: string;
beforeAll(() => tf.setBackend(CPU_KERNELS));
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'load-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function withConfig(name: string, changes: object): string {
  cpSync(fixture(name), folder, { recursive: true });
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...changes }));
  return folder;
}

test('layers have names that tell what they are', async () => {
  const { model } = await loadLlama(fixture('llama-untied'));
  expect(model.layers.map(({ name }) => name).filter(name => !name.startsWith('layers_1'))).toEqual([
    'tokens',
    'embed_tokens',
    'layers_0_attention_norm',
    'layers_0_attention_query',
    'layers_0_attention_key',
    'layers_0_attention_value',
    'layers_0_attention',
    'layers_0_attention_output',
    'layers_0_attention_add',
    'layers_0_feed_forward_norm',
    'layers_0_feed_forward_gate',
    'layers_0_feed_forward_up',
    'layers_0_feed_forward_product',
    'layers_0_feed_forward_down',
    'layers_0_feed_forward_add',
    'norm',
    'lm_head',
  ]);
  model.dispose();
});

test('a model of another kind', async () => {
  await expect(loadLlama(fixture('bert'))).rejects.toThrow(/expected the files of a llama, got those of a bert\./);
  await expect(loadVit(fixture('llama-tied'))).rejects.toThrow(/expected the files of a vit/);
});

test('a head that is not one, or that the checkpoint does not have', async () => {
  await expect(loadBert(fixture('bert'), { head: 'tail' as never })).rejects.toThrow(
    /one of hidden, pooler, classifier, maskedLM/,
  );
  const { model, config } = await loadBert(fixture('bert'));
  await saveHuggingFace(model, folder, { config });
  await expect(loadBert(folder, { head: 'pooler' })).rejects.toThrow(/tensor "bert.pooler.dense.weight", got none/);
  model.dispose();
});

test('a config of other shapes than the tensors', async () => {
  const other = withConfig('llama-tied', { intermediate_size: 21 });
  await expect(loadLlama(other)).rejects.toThrow(/mlp.gate_proj.weight": expected shape \[21,16\], .* got \[20,16\]/);
});

test('a width of norms below what there is', async () => {
  const layers = [0, 1].map(() => ({}));
  await expect(loadBert(withConfig('bert', { tfjs_prune: { layers, norm_width: 15 } }))).rejects.toThrow(
    /norm_width of tfjs_prune to be a whole number of at least 16, got 15/,
  );
});

test('a tokenizer that is asked for has to be there', async () => {
  const before = tf.memory().numTensors;
  await expect(loadLlama(fixture('llama-tied'), { tokenizer: true })).rejects.toMatchObject({ code: 'bad-file' });
  expect(tf.memory().numTensors).toBe(before);
  const { tokenizer, model } = await loadLlama(fixture('llama-tied'));
  expect(tokenizer).toBeUndefined();
  model.dispose();
});
