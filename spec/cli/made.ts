/** What commands are given in specs: a net that can be slimmed, labelled rows, a Llama with its tokenizer, a text. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as L from '@tensorflow/tfjs-layers';
import { random } from '../../lib/core/random';
import { loadConfig } from '../../lib/models/config';
import type { LlamaConfig } from '../../lib/models/llamaConfig';
import { saveHuggingFace } from '../../lib/models/save';
import { loadTokenizer } from '../../lib/models/tokenizer';
import { newFolder } from '../io/folder';
import { fixture } from '../models/fixtures';
import { tinyLlama } from '../models/tiny';
import { bn, dense, relu } from '../zoo/parts';
import { randomize } from '../zoo/weights';

const SIZE = 12;

export function slimmable(units = 8): L.LayersModel {
  const first = L.layers.dense({ name: 'first', units, inputShape: [SIZE] });
  const rest = [bn('bn'), relu('relu'), dense('second', units), bn('bn2'), relu('relu2'), dense('head', 2, 'softmax')];
  return randomize(L.sequential({ name: 'net', layers: [first, ...rest] }));
}

/** For {@link slimmable}: examples of two classes that differ in their mean. Gives the file. */
export function labelledRows(file = join(newFolder(), 'data.csv')): string {
  const { normal } = random(0, 'training');
  const lines = Array.from({ length: 80 }, (_, row) => {
    const values = Array.from({ length: SIZE }, () => (normal() + (row % 2 ? 1 : -1)).toFixed(3));
    return [...values, row % 2].join(',');
  });
  return written(file, lines.join('\n'));
}

/** Gives the folder of a Llama of random weights and its tokenizer. */
export async function llamaFiles(folder = newFolder()): Promise<string> {
  const tokenizer = fixture('llama');
  const own = { vocabSize: (await loadTokenizer(tokenizer)).size, beginIds: [1], endIds: [2], padIds: [0] };
  const { layers, ...rest } = (await loadConfig(fixture('llama-tied'))) as LlamaConfig;
  const config = { ...rest, ...own, layers: [...layers, ...layers] };
  const model = await tinyLlama(config);
  await saveHuggingFace(model, folder, { config, tokenizer });
  model.dispose();
  return folder;
}

/** Gives the file. */
export function story(file = join(newFolder(), 'text.txt'), times = 20): string {
  return written(file, 'Once upon a time there was a little dog. The king counted the stars. '.repeat(times));
}

function written(file: string, text: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}
