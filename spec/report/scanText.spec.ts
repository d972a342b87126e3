import type { Sensitivity } from '../../lib/core/sensitivity';
import type { WidthTable } from '../../lib/core/widths';
import { formatSensitivity, formatWidths, plotSensitivity, plotWidths } from '../../lib/report/scanText';
import { refusal } from '../zoo/refusal';

const point = (ratio: number, accuracy: number) => ({ ratio, removed: 10 * ratio, accuracy, loss: 1 - accuracy });
const scan: Sensitivity = {
  criterion: 'l1',
  recalibrated: true,
  dense: { loss: 0.1, accuracy: 0.9 },
  groups: [
    { name: 'robust', kind: 'channels', units: 10, points: [point(0.2, 0.9), point(0.5, 0.88)] },
    { name: 'tender <&>', kind: 'channels', units: 10, points: [point(0.2, 0.8), point(0.5, 0.41)] },
  ],
};
const times = Array.from({ length: 11 }, (_, i) => ({ width: 6 + i, milliseconds: i < 3 ? 1 : 2 }));
const table: WidthTable = {
  backend: 'wasm',
  batch: 1,
  runs: 9,
  of: 'layers',
  groups: [{ name: 'conv1', kind: 'channels', units: 16, points: times }],
};

test('the most sensitive group comes first', () => {
  expect(formatSensitivity(scan)).toBe(
    `
accuracy when one group alone loses units by l1, statistics measured anew; of the whole model 90.0 %

group        units    -20 %    -50 %
tender <&>      10   80.0 %   41.0 %
robust          10   90.0 %   88.0 %`.trim(),
  );
  expect(formatSensitivity(scan, 'markdown')).toContain('| robust | 10 | 90.0 % | 88.0 % |');
  expect(JSON.parse(formatSensitivity(scan, 'json'))).toEqual(scan);
});

test('without accuracy the loss counts', () => {
  const groups = scan.groups.map(group => ({
    ...group,
    points: group.points.map(({ ratio, removed, loss }) => ({ ratio, removed, loss })),
  }));
  const text = formatSensitivity({ ...scan, dense: { loss: 0.1 }, groups });
  expect(text).toMatch(/^loss when .* 0\.1000\n/);
  expect(text.split('\n')[3]).toMatch(/^tender .* 0\.2000 +0\.5900$/);
});

test('widths: time of the widest and the narrowest, steps, and the multiple', () => {
  expect(formatWidths(table)).toBe(
    `
the layers of each group, timed by width on wasm, batch 1, best of 9

group   units          widest      narrowest   steps behind
conv1      16   2.00 ms at 16   1.00 ms at 6   8

multipleOf: 8`.trim(),
  );
  expect(JSON.parse(formatWidths(table, 'json'))).toEqual(table);
});

test('drawings are whole SVGs with a line for each group and its name', () => {
  for (const svg of [plotSensitivity(scan), plotWidths(table)]) {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" .*<\/svg>\n$/s);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  }
  const svg = plotSensitivity(scan);
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg).toContain('tender &lt;&amp;&gt;');
  expect(svg).toContain('stroke-dasharray');
});

test.each([[() => formatSensitivity(scan, 'html' as never)], [() => formatWidths(table, 'html' as never)]])(
  'another format is refused',
  run => {
    expect(refusal(run).code).toBe('bad-option');
  },
);
