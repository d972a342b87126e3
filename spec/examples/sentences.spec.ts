/** Sentences of the examples: which are drawn, and how they are laid out. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NdArray } from 'tfjs-prune';
import { readSst2 } from '../../examples/support/sentences';

/** One token per word, its number of letters; 9 in front. */
const tokenizer = { pad: 0, encode: (text: string) => [9, ...text.split(' ').map(word => word.length)] };
const TRAIN = ['a', 'b b', 'cc c', 'ddd d', 'ee ee', 'f f f f', 'held out'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sentences-'));
  const lines = (texts: readonly string[]): string => ['sentence\tlabel', ...texts.map((text, i) => `${text}\t${i % 2}`)].join('\n'); // prettier-ignore
  writeFileSync(join(folder, 'train.tsv'), `${lines(TRAIN.map(text => `${text} `))}\n`);
  writeFileSync(join(folder, 'test.tsv'), `${lines(['one two three four', 'held out'])}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (texts: number, seed = 0) => {
  const { train, test } = readSst2(folder, tokenizer, { texts, fewest: 3, most: 4, seed });
  const [inputs, tested] = [train, test].map(each => each.inputs as NdArray[]);
  return { rows: rowsOf(inputs[0]), labels: [...(train.targets as NdArray).data], inputs, tested, test };
};

function rowsOf({ data, shape: [count, time] }: NdArray): string[] {
  return Array.from({ length: count }, (_, i) => data.slice(i * time, (i + 1) * time).join());
}

test('those of a length within bounds are drawn with their labels, and none that is held out', () => {
  const { rows, labels } = read(4);
  const drawn = rows.map((row, i) => `${row}: ${labels[i]}`);
  expect(drawn.sort()).toEqual(['9,1,1: 1', '9,2,1: 0', '9,2,2: 0', '9,3,1: 1']);
  expect(() => read(5)).toThrow('5 texts of 3 to 4 tokens are asked for, and there are 4');
});

test('the seed says which', () => {
  const draws = Array.from({ length: 8 }, (_, seed) => read(2, seed).rows.join(' '));
  expect(draws[3]).toBe(read(2, 3).rows.join(' '));
  expect(new Set(draws).size).toBeGreaterThan(2);
});

test('those held out are whole and in order, filled up behind', () => {
  const { tested, test } = read(4);
  expect(rowsOf(tested[0])).toEqual(['9,3,3,5,4', '9,4,3,0,0']);
  expect(rowsOf(tested[1])).toEqual(['1,1,1,1,1', '1,1,1,0,0']);
  expect([...(test.targets as NdArray).data]).toEqual([0, 1]);
});
