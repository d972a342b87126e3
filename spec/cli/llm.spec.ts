import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadLlama } from '../../lib/models/load';
import { useBackend } from '../../lib/runtime/backend';
import { loadLayersModel } from '../../lib/runtime/files';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { llamaFiles, story } from './made';
import { refusalOf, run } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

const small = ['--window', '8', '--tokens', '200'];

test.each([
  ['llm-pruner', ['--ratio', '0.5']],
  ['flap', ['--ratio', '0.5']],
  ['wanda-sp', ['--ratio', '0.5']],
  ['heads', ['--ratio', '0.5']],
  ['neurons', ['--ratio', '0.5']],
  ['slice-gpt', ['--ratio', '0.5']],
  ['short-gpt', ['--ratio', '0.5']],
  ['sleb', ['--ratio', '0.5']],
  ['block-pruner', ['--ratio', '0.5']],
  ['two-stage', ['--ratio', '0.3']],
  ['laco', ['--threshold', '-1']],
])('%s cuts a Llama, which loads again', async (method, amount) => {
  const [model, out] = [await llamaFiles(), join(newFolder(), 'out')];
  const tensors = tf.memory().numTensors;
  const args = ['llm', model, '--method', method, ...amount, '--text', story(), ...small, '--out', out];
  const { code, out: said, error } = await run(...args, '--json');
  expect([code, error]).toEqual([0, []]);
  expect(tf.memory().numTensors).toBe(tensors);
  const { after, report } = JSON.parse(said[0]) as { after: { nats: number }; report: { after: { units: number } } };
  expect(after.nats).toBeGreaterThan(0);
  if (method === 'slice-gpt') (await loadLayersModel(out)).dispose();
  else {
    const { model: cut, tokenizer } = await loadLlama(out);
    expect(tokenizer).toBeDefined();
    cut.dispose();
  }
  expect(report.after.units).toBeGreaterThan(0);
});

test('tells perplexity and a sample before and after, and trains where it is asked to', async () => {
  const [model, out] = [await llamaFiles(), join(newFolder(), 'out')];
  const args = ['--method', 'neurons', '--epochs', '1', '--text', story(), ...small, '--out', out];
  const { code, out: said } = await run('llm', model, ...args);
  expect(code).toBe(0);
  expect(said[0]).toMatch(/^method neurons, ratio 0\.2, epochs 1\n/);
  expect(said[0]).toMatch(/\nMACs at 8 +[\d.]+ k +[\d.]+ k +-[\d.]+ %\n/);
  expect(said[0]).toMatch(
    /perplexity: [\d.e+]+ before, [\d.e+]+ now \(last tenth of the text: \d+ tokens, windows of 8/,
  );
  expect(said[0]).toMatch(
    /\nbefore: "[^]*\nnow: {4}"[^]*\nwritten: config\.json, model\.safetensors and the tokenizer in /,
  );
  expect(said[0]).toMatch(/fine-tuned/);
});

test('refusals are one line, and write nothing', async () => {
  const [model, out] = [await llamaFiles(), join(newFolder(), 'out')];
  const args = ['llm', model, '--text', story(), '--out', out];
  expect(await refusalOf(...args, '--method', 'magic')).toMatch(/--method to be one of llm-pruner, .*got "magic"/);
  expect(await refusalOf(...args, '--method', 'laco', '--ratio', '0.5')).toMatch(/--threshold for laco, got --ratio/);
  expect(await refusalOf(...args, '--method', 'flap', '--ratio', '1.5')).toMatch(/1\.5/);
  expect(await refusalOf(...args, '--method', 'flap', '--window', '100000')).toMatch(/tokenWindows/);
  expect(await refusalOf('llm', model, '--text', 'none', '--out', out, '--method', 'flap')).toMatch(
    /a text, got no such file/,
  );
  expect(await refusalOf('llm', model, '--text', story(), '--out', model, '--method', 'flap')).toMatch(
    /a folder of its own/,
  );
  expect(existsSync(out)).toBe(false);
});
