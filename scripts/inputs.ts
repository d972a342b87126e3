/** What the examples are given where only that they run is asked: nets of random weights, and data that are made up. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBert, saveHuggingFace, saveLayersModel, useBackend } from '../lib';
import { random } from '../lib/core/random';
import { loadTokenizer } from '../lib/models/tokenizer';
import { llamaFiles, story } from '../spec/cli/made';
import { fixture } from '../spec/models/fixtures';
import { NETS } from '../spec/zoo/nets';

const { integer } = random(0, 'inputs');

/** Writes mnist, cifar10, sst2, net, llama, bert and stories.txt into `folder`. */
export async function makeInputs(folder: string): Promise<void> {
  await useBackend('wasm');
  const at = (name: string): string => join(folder, name);
  writeMnist(at('mnist'));
  writeCifar10(at('cifar10'));
  writeSst2(at('sst2'));
  story(at('stories.txt'), 400);
  await llamaFiles(at('llama'));
  await writeBert(at('bert'));
  const net = NETS.residual();
  await saveLayersModel(net, at('net'));
  net.dispose();
}

/** Bright by class, so that there is something to learn. */
function image(bytes: number, label: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => 20 * label + integer(50)));
}

function writeMnist(folder: string): void {
  mkdirSync(folder);
  for (const [name, count] of [
    ['train', 300],
    ['t10k', 60],
  ] as const) {
    const labels = Array.from({ length: count }, (_, i) => i % 10);
    const pixels = labels.map(label => image(28 * 28, label));
    writeFileSync(join(folder, `${name}-labels-idx1-ubyte`), Buffer.concat([Buffer.alloc(8), Buffer.from(labels)]));
    writeFileSync(join(folder, `${name}-images-idx3-ubyte`), Buffer.concat([Buffer.alloc(16), ...pixels]));
  }
}

function writeCifar10(folder: string): void {
  mkdirSync(folder);
  const batch = (): Buffer =>
    Buffer.concat(Array.from({ length: 50 }, (_, i) => [Buffer.from([i % 10]), image(3072, i % 10)]).flat());
  for (const name of ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch'])
    writeFileSync(join(folder, `${name}.bin`), batch());
}

const WORDS = ['a', 'dog', 'the', 'film', 'good', 'bad', 'was', 'not'];

function writeSst2(folder: string): void {
  mkdirSync(folder);
  for (const [name, count] of [
    ['train', 600],
    ['test', 40],
  ] as const) {
    const rows = Array.from({ length: count }, (_, i) => {
      const words = Array.from({ length: 8 }, () => WORDS[integer(WORDS.length)]);
      return `${words.join(' ')} ${i % 2 ? 'good' : 'bad'}\t${i % 2}`;
    });
    writeFileSync(join(folder, `${name}.tsv`), `sentence\tlabel\n${rows.join('\n')}\n`);
  }
}

/** As many blocks as example 15 asks for. */
async function writeBert(folder: string): Promise<void> {
  const tokenizer = fixture('wordPiece');
  const { model, config } = await createBert({
    vocab_size: (await loadTokenizer(tokenizer)).size,
    hidden_size: 8,
    num_hidden_layers: 6,
    num_attention_heads: 4,
    intermediate_size: 32,
    max_position_embeddings: 64,
    type_vocab_size: 2,
  }, { head: 'pooler' }); // prettier-ignore
  await saveHuggingFace(model, folder, { config, tokenizer });
  model.dispose();
}
