import { formatReport } from '../../lib/report/format';
import { bytes, change, count, milliseconds, percent, points, tiny } from '../../lib/report/numbers';
import type { Report } from '../../lib/report/report';
import { markdownTable, shorten, textTable } from '../../lib/report/table';
import { refusal } from '../zoo/refusal';
import { SAMPLE } from './sample';

const withoutData: Report = {
  ...SAMPLE,
  split: undefined,
  latency: undefined,
  certificates: [],
  stages: SAMPLE.stages.map(({ name, units, parameters, macs, bytes: size }) => ({
    name,
    units,
    parameters,
    macs,
    bytes: size,
  })),
};

test('the terminal report reads like this', () => {
  expect(formatReport(SAMPLE)).toBe(
    `
networkSlimming, seed 0, wasm

              before     after   change
units            672       235   -65.0 %
parameters    1.25 M     210 k   -83.2 %
MACs          12.4 M    2.13 M   -82.8 %
size         5.02 MB    842 kB   -83.2 %
latency      12.3 ms   3.21 ms   3.83x as fast (batch 64, median of 30)
accuracy     98.33 %   97.90 %   -0.43 points (test split)

stage        units   parameters     MACs   accuracy     loss
dense          672       1.25 M   12.4 M    98.33 %   0.0512
pruned         235        210 k   2.13 M    11.31 %   3.0612
fine-tuned     235        210 k   2.13 M    97.90 %   0.0712

layer          width   now    change
stem              24    12   -50.0 %   ████████████░░░░░░░░░░░░
block1_conv1      24     3   -87.5 %   ███░░░░░░░░░░░░░░░░░░░░░

unchanged: head
certificate: the cut is exact, sliced = masked within 3.0e-8 on 4 probes (limit 1.0e-4)`.trim(),
  );
});

test('what was not measured is not shown', () => {
  const text = formatReport(withoutData, 'terminal');
  for (const word of ['accuracy', 'loss', 'latency', 'certificate', 'undefined', 'NaN'])
    expect(text).not.toContain(word);
});

test('MACs name the example that they count for, where the model leaves sizes open', () => {
  const sized = { ...SAMPLE, example: [[256], [7, 7, 3], [256]] };
  expect(formatReport(sized)).toContain('\nMACs at 256, 7x7x3');
  expect(formatReport(sized, 'markdown')).toContain('| MACs at 256, 7x7x3 |');
});

test('MACs that cannot be known are a question mark, in both formats', () => {
  const unknown = {
    ...SAMPLE,
    before: { ...SAMPLE.before, macs: undefined },
    after: { ...SAMPLE.after, macs: undefined },
  };
  expect(formatReport(unknown, 'terminal')).toMatch(/^MACs +\? +\?$/m);
  expect(formatReport(unknown, 'markdown')).toContain('| MACs | ? | ? |  |');
});

test('no line is over 100 columns, however long the names are', () => {
  const path = 'a_long_name/of_a_layer/'.repeat(6);
  const long = { ...SAMPLE, layers: SAMPLE.layers.map(layer => ({ ...layer, layer: path + layer.layer })) };
  const many = {
    ...SAMPLE,
    layers: Array.from({ length: 60 }, (_, i) => ({ layer: `conv${i}`, before: 8, after: 8 })),
  };
  for (const report of [SAMPLE, long, many]) {
    const lines = formatReport(report, 'terminal').split('\n');
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(100);
    expect(lines.filter(line => line !== line.trimEnd())).toEqual([]);
  }
  expect(formatReport(many, 'terminal')).toMatch(/unchanged: conv0, .*, \d+ more$/m);
  expect(formatReport(long, 'terminal')).toContain('…');
});

test('Markdown tables have as many cells in every row as in the head, and pipes in names do not add any', () => {
  const piped = { ...SAMPLE, layers: [{ layer: 'a|b', before: 4, after: 2 }] };
  const tables = formatReport(piped, 'markdown')
    .split('\n\n')
    .filter(part => part.startsWith('|'));
  expect(tables.length).toBe(3);
  for (const table of tables) {
    const cells = table.split('\n').map(row => row.split(/(?<!\\)\|/).length);
    expect(new Set(cells).size).toBe(1);
    expect(table.split('\n')[1]).toMatch(/^\| ---( \| ---:?)+ \|$/);
  }
  expect(tables[2]).toContain('| a\\|b | 4 | 2 | -50.0 % |');
});

test('JSON is the data itself', () => {
  expect(JSON.parse(formatReport(SAMPLE, 'json'))).toEqual(SAMPLE);
});

test('several cuts are summed up by the worst', () => {
  const [first] = SAMPLE.certificates;
  const report = { ...SAMPLE, certificates: [first, { ...first, error: 5e-6 }, { ...first, error: 0 }] };
  expect(formatReport(report)).toContain('all 3 cuts are exact, sliced = masked within 5.0e-6 on 4 probes');
});

test('another format is refused with the list of those there are', () => {
  const error = refusal(() => formatReport(SAMPLE, 'html' as 'json'));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain('terminal, markdown, json');
});

test('numbers are short, and rounding never gives a thousand of a prefix', () => {
  expect([0, 7, 999, 1000, 9994, 9996, 99_960, 999_499, 999_500, 1_250_000, 3.2e9, undefined].map(count)).toEqual(
    ['0', '7', '999', '1.00 k', '9.99 k', '10.0 k', '100 k', '999 k', '1.00 M', '1.25 M', '3.20 G', '?'], // prettier-ignore
  );
  expect([0, 999, 84_100, 4_194_304].map(bytes)).toEqual(['0 B', '999 B', '84.1 kB', '4.19 MB']);
  expect([0.0123, 0.123, 2.345, 12.34, 1234].map(milliseconds)).toEqual(
    ['0.012 ms', '0.12 ms', '2.35 ms', '12.3 ms', '1234 ms'], // prettier-ignore
  );
  expect([percent(0.841, 1), percent(undefined), points(0.9, 0.95), points(0.9, 0.9)]).toEqual(
    ['84.1 %', '?', '+5.00 points', 'same'], // prettier-ignore
  );
  expect([change(10, 5), change(4, 6), change(3, 3), change(0, 1), change(undefined, 1)]).toEqual(
    ['-50.0 %', '+50.0 %', 'same', '', ''], // prettier-ignore
  );
  expect([tiny(0), tiny(2.98e-8)]).toEqual(['0', '3.0e-8']);
});

test('tables align numbers to the right and shorten names in the middle', () => {
  expect(textTable([['name', 'n'], ['a', '10'], ['bcd', '5']])).toBe('name    n\na      10\nbcd     5'); // prettier-ignore
  expect(textTable([['name', 'n'], ['abcdefghijklmnop', '1']], { width: 14 })).toBe('name         n\nabcde…mnop   1'); // prettier-ignore
  expect(shorten('abcdefgh', 5)).toBe('ab…gh');
  expect(shorten('abc', 3)).toBe('abc');
  expect(markdownTable([['a', 'b'], ['x\ny', '1']])).toBe('| a | b |\n| --- | ---: |\n| x y | 1 |'); // prettier-ignore
});
