/** The TypeScript of the documents, run as it stands but for the number of epochs and the folder it writes to. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as L from '@tensorflow/tfjs-layers';
import * as library from 'tfjs-prune';
import ts from 'typescript';

export const ROOT = join(__dirname, '../..');

/** From the root. */
export const GUIDES = readdirSync(join(ROOT, 'docs'))
  .filter(name => name.endsWith('.md'))
  .map(name => `docs/${name}`);
export const DOCUMENTS = [...GUIDES, 'README.md', 'CHANGELOG.md', 'NOTES.md', 'CONTRIBUTING.md', 'FEATURES.md', 'bench/README.md', 'lib/graph/README.md']; // prettier-ignore

/** Each with the line to know it by. */
export function snippetsOf(file: string): (readonly [string, string])[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const snippets = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  return snippets.map(code => [code.split('\n').find(line => line !== '' && !line.startsWith('import'))!, code]);
}

/** What a snippet finds there under the name `model`. */
export function net(): L.LayersModel {
  return L.sequential({
    layers: [
      L.layers.conv2d({ name: 'stem', filters: 16, kernelSize: 3, inputShape: [6, 6, 1] }),
      L.layers.batchNormalization({ name: 'norm' }),
      L.layers.conv2d({ name: 'conv', filters: 16, kernelSize: 3 }),
      L.layers.batchNormalization({ name: 'norm2' }),
      L.layers.flatten({ name: 'flatten' }),
      L.layers.dense({ name: 'head', units: 2, activation: 'softmax' }),
    ],
  });
}

/** What it made, by name, and whether it wrote a model. */
export interface Ran {
  readonly made: Readonly<Record<string, unknown>>;
  readonly saved: boolean;
}

const SOURCES: Readonly<Record<string, unknown>> = {
  'tfjs-prune': library,
  '@tensorflow/tfjs-core': tf,
  '@tensorflow/tfjs-layers': L,
};

export async function run(snippet: string): Promise<Ran> {
  const out = mkdtempSync(join(tmpdir(), 'snippet-'));
  const names = [...snippet.matchAll(/^const (\w+) =|^const \{(.*)\} =/gm)].flatMap(([, one, several]) =>
    one ? [one] : several.split(',').map(part => part.split(':').pop()!.trim()),
  );
  const code = snippet
    .replace(/epochs: \d+/g, 'epochs: 1')
    .replace(/'out\//g, `'${out}/`)
    .replace(/^import \* as (\w+) from ('.*');$/gm, 'const $1 = sources[$2];')
    .replace(/^import (\{.*\}) from ('.*');$/gm, 'const $1 = sources[$2];');
  const { outputText } = ts.transpileModule(`async function snippet() {${code}\nreturn { ${names.join(', ')} };}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022 },
  });
  const x = tf.randomNormal([8, 6, 6, 1], 0, 1, 'float32', 1);
  const y = tf.oneHot(tf.tensor1d([0, 1, 0, 1, 0, 1, 0, 1], 'int32'), 2);
  const examples = { inputs: x, targets: y };
  const scope = { sources: SOURCES, ...library, model: net(), data: { train: examples, validation: examples }, x, y };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- running the text of the documents is the point
  const make = new Function(...Object.keys(scope), `${outputText} return snippet();`);
  try {
    const made = (await make(...Object.values(scope))) as Record<string, unknown>;
    return { made, saved: existsSync(join(out, 'slim/model.json')) };
  } finally {
    rmSync(out, { recursive: true });
  }
}
