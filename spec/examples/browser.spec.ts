/** Data of the page of examples/browser: what its rows say, and how they are split. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { classNames, parseCsv, split } from '../../examples/browser/data';
import { ROOT } from '../house/sources';

const wanted = { shape: [1, 2, 1], classes: 3 };
const rows = (count: number, end = ''): string => Array.from({ length: count }, (_, i) => `${i},${2 * i},${i % 3}${end}`).join('\n'); // prettier-ignore

test('rows are values, then the class; headings, empty lines and ends of Windows do not count', () => {
  const parsed = parseCsv('a.csv', `left,right,class\r\n${rows(12, '\r')}\n\n`, wanted);
  expect(parsed).toEqual(parseCsv('a.csv', rows(12), wanted));
  expect([...parsed.values.slice(0, 6)]).toEqual([0, 0, 1, 2, 2, 4]);
  expect([...parsed.labels.slice(0, 4)]).toEqual([0, 1, 2, 0]);
});

test.each([
  ['', /^"a\.csv": expected at least 10 examples, got 0\. /],
  [rows(9), /got 9/],
  [`${rows(12)}\n1,2`, /^"a\.csv", row 13: expected 2 values for the input \[1, 2, 1\], then the class, got 2 columns/],
  [`${rows(12)}\n1,,0`, /^"a\.csv", row 13, column 2: expected a number, got ""/],
  [`${rows(12)}\n1,NaN,0`, /expected a number, got "NaN"/],
  [`${rows(12)}\n1,2,3`, /row 13: expected a class 0 to 2, got 3/],
  [`${rows(12)}\n1,2,0.5`, /row 13, class: expected a whole number, got "0\.5"/],
])('%j is refused', (text, message) => {
  expect(() => parseCsv('a.csv', text, wanted)).toThrow(
    expect.objectContaining({ code: 'bad-data', message: expect.stringMatching(message) }),
  );
});

test('the same rows are split alike, each into one part, with its own label', () => {
  const digits = { shape: [8, 8, 1], classes: 10 };
  const text = gunzipSync(readFileSync(join(ROOT, 'examples/data/digits.csv.gz'))).toString();
  const labelled = parseCsv('digits.csv', text, digits);
  const parts = split(labelled, digits);
  expect(split(labelled, digits)).toEqual(parts);
  const arrays = [parts.train, parts.validation!, parts.test].map(part => part as unknown as Record<'inputs' | 'targets', { data: Float32Array }>); // prettier-ignore
  expect(arrays.map(({ targets }) => targets.data.length)).toEqual([1258, 180, 359]);
  const lines = arrays.flatMap(({ inputs, targets }) =>
    Array.from(targets.data, (label, i) => [...inputs.data.slice(64 * i, 64 * (i + 1)), label].join(',')),
  );
  expect(lines.sort()).toEqual(text.trim().split('\n').sort());
});

test('a model of yes and no is asked by numbers, and its loss is the one of its head', () => {
  const { train, loss } = split(
    { values: new Float32Array(24), labels: new Int32Array(12) },
    { shape: [2], classes: 1 },
  );
  expect(train.targets).toMatchObject({ dtype: 'float32', shape: [9] });
  expect(loss).toBeUndefined();
});

test('classes are folders in the order of the alphabet', () => {
  expect(classNames(['set/dog/1.png', 'set/cat/2.png', 'set/dog/3.png', 'ant/4.png'])).toEqual(['ant', 'cat', 'dog']);
});
