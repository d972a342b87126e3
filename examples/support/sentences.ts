/** A BERT that classifies sentences, and sentences with labels for it: read, drawn by the seed, and encoded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { initializers, layers, model as modelOf, type LayersModel, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import seedrandom from 'seedrandom';
import { loadBert, padTokens, type Data, type Examples, type Tokenizer } from 'tfjs-prune';
import { shuffle } from './shuffle';

/** With two classes behind its pooler, whose first weights follow from the seed. The embeddings stay as they are. */
export async function loadClassifier(
  folder: string,
  seed: number,
): Promise<{ model: LayersModel; tokenizer: Tokenizer }> {
  const { model: bert, tokenizer } = await loadBert(folder, { head: 'pooler', tokenizer: true });
  for (const layer of bert.layers) if (layer.name.includes('embeddings')) layer.trainable = false;
  const kernelInitializer = initializers.glorotUniform({ seed });
  const classifier = layers.dense({ name: 'classifier', units: 2, activation: 'softmax', kernelInitializer });
  const outputs = classifier.apply(bert.outputs[0]) as SymbolicTensor;
  return { model: modelOf({ name: 'sst2', inputs: bert.inputs, outputs }), tokenizer: tokenizer! };
}

/** Which of the training texts are drawn: a number of those with so many tokens, so that none is cut and little is padded. */
export interface Draw {
  readonly texts: number;
  readonly fewest: number;
  readonly most: number;
  readonly seed: number;
}

interface Labelled {
  readonly text: string;
  readonly label: number;
}

interface Encoded {
  readonly tokens: readonly number[];
  readonly label: number;
}

/**
 * SST-2: `train.tsv` and `test.tsv`, a header and lines of "sentence TAB label". The test sentences are all there, and whole; none of
 * them is trained on.
 * @throws when fewer training texts than asked for have so many tokens.
 */
export function readSst2(
  directory: string,
  tokenizer: Pick<Tokenizer, 'encode' | 'pad'>,
  draw: Draw,
): Data & { readonly train: Examples; readonly test: Examples } {
  const [train, test] = ['train', 'test'].map(name => rowsOf(readFileSync(join(directory, `${name}.tsv`), 'utf8')));
  const encode = ({ text, label }: Labelled): Encoded => ({ tokens: tokenizer.encode(text), label });
  const examples = (rows: readonly Encoded[]): Examples => ({
    inputs: padTokens(rows.map(({ tokens }) => tokens), { pad: tokenizer.pad }), // prettier-ignore
    targets: { shape: [rows.length], dtype: 'int32', data: Int32Array.from(rows, ({ label }) => label) },
  });
  const chosen = drawTexts(train, test, draw, encode);
  return { train: examples(chosen), test: examples(test.map(encode)) };
}

function rowsOf(text: string): Labelled[] {
  const lines = text.trim().split('\n').slice(1);
  return lines.map(line => line.split('\t')).map(([sentence, label]) => ({ text: sentence.trim(), label: Number(label) })); // prettier-ignore
}

function drawTexts(
  rows: readonly Labelled[],
  held: readonly Labelled[],
  { texts, fewest, most, seed }: Draw,
  encode: (row: Labelled) => Encoded,
): Encoded[] {
  const unseen = new Set(held.map(({ text }) => text));
  const chosen: Encoded[] = [];
  for (const row of shuffle([...rows], seedrandom(`texts ${seed}`))) {
    if (chosen.length === texts) return chosen;
    if (unseen.has(row.text)) continue;
    const encoded = encode(row);
    if (encoded.tokens.length >= fewest && encoded.tokens.length <= most) chosen.push(encoded);
  }
  if (chosen.length === texts) return chosen;
  throw new Error(`${texts} texts of ${fewest} to ${most} tokens are asked for, and there are ${chosen.length}`);
}
