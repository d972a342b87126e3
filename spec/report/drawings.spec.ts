import type { PlanGroup } from '../../lib/edit/plan';
import { axis, logarithmicAxis } from '../../lib/report/drawing/axis';
import { plotsOfGammas, rangeOf, spread, widthBars } from '../../lib/report/drawing/bars';
import { standalone, WIDTH, type Drawing } from '../../lib/report/drawing/drawing';
import { groupGraph } from '../../lib/report/drawing/groupGraph';
import { groupMap } from '../../lib/report/drawing/groupMap';
import { lineDrawing } from '../../lib/report/drawing/lines';
import { plotPlan, plotReport } from '../../lib/report/plots';
import { plotsOfStages } from '../../lib/report/stagePlots';
import { ACCOUNT, PLAN, SAMPLE } from './sample';

const text = ({ body }: Drawing): string => body.markup;
const matches = (drawing: Drawing, what: RegExp): string[] => text(drawing).match(what) ?? [];
const options = { title: 't', description: 'd', x: 'x', y: 'y' };

/** Words that are drawn, without those that show where the pointer is. */
const drawn = (drawing: Drawing): string[] =>
  [...text(drawing).matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) => words);

/** Whether everything that has a place is inside. */
function expectInside(drawing: Drawing): void {
  const numbers = (attribute: string): number[] =>
    [...text(drawing).matchAll(new RegExp(` ${attribute}="(-?[\\d.]+)"`, 'g'))].map(([, value]) => Number(value));
  const ys = ['y', 'y1', 'y2', 'cy'].flatMap(numbers);
  for (const x of ['x', 'x1', 'x2', 'cx'].flatMap(numbers)) expect(x >= 0 && x <= drawing.width).toBe(true);
  for (const y of ys) expect(y >= 0 && y <= drawing.height).toBe(true);
  expect(ys.length).toBeGreaterThan(0);
  expect(text(drawing)).not.toMatch(/NaN|undefined|Infinity/);
}

test('on a logarithmic axis equal factors are equally far apart, inside ticks of 1, 2 and 5', () => {
  const { ticks, at } = logarithmicAxis([3, 30, 300], 200, 0);
  expect(ticks).toEqual([2, 5, 10, 20, 50, 100, 200, 500]);
  expect(at(3) - at(30)).toBeCloseTo(at(30) - at(300), 9);
  expect([at(2), at(500)]).toEqual([200, 0]);
  expect(logarithmicAxis([10, 10], 200, 0).ticks).toEqual([10, 20]);
  expect(logarithmicAxis([0.0002, 70], 200, 0).ticks.map(tick => Math.log10(tick))).toEqual([-4, -3, -2, -1, 0, 1, 2]);
  const points = [[0, 3], [1, 300]] as const; // prettier-ignore
  const logarithmic = lineDrawing([{ name: 'a', points }], { ...options, logarithmic: true, level: 30 });
  expectInside(logarithmic);
  expect(drawn(logarithmic)).toEqual(expect.arrayContaining(['2', '5', '500']));
});

describe('lines', () => {
  const series = Array.from({ length: 12 }, (_, i) => ({ name: `s${i}`, points: [[0, i], [10, -i]] as const })); // prettier-ignore

  test('keep their points inside; the first are named, the others counted', () => {
    const drawing = lineDrawing(series, { ...options, named: 3 });
    expectInside(drawing);
    const places = matches(drawing, /points="[^"]+"/g).flatMap(points => points.slice(8, -1).split(' '));
    expect(places).toHaveLength(24);
    for (const place of places) {
      const [x, y] = place.split(',').map(Number);
      expect(x >= 56 && x <= WIDTH - 14 && y >= 26 && y <= 246).toBe(true);
    }
    expect(drawn(drawing)).toEqual(expect.arrayContaining(['s0', 's1', 's2', 'and 9 more, in grey']));
    expect(matches(drawing, /<polyline class="rest"/g)).toHaveLength(9);
    expect(matches(drawing, /<circle/g)).toHaveLength(6);
  });

  test('a value that is not known is a gap, not a guess', () => {
    const drawing = lineDrawing([{ name: 'a', points: [[0, 1], [1, 2], [2, NaN], [3, 4]] }], options); // prettier-ignore
    expect(matches(drawing, /<polyline/g)).toHaveLength(2);
    expect(matches(drawing, /<circle/g)).toHaveLength(3);
    expectInside(drawing);
  });

  test('a flat line has an axis too, and so has none', () => {
    expectInside(lineDrawing([{ name: 'flat', points: [[1, 2], [2, 2]] }], options)); // prettier-ignore
  });

  test('places by name stand straight where there is room, else aslant', () => {
    const at = (places: readonly string[]) =>
      lineDrawing([{ name: 'a', points: places.map((_, i) => [i, i] as const) }], { ...options, places });
    expect(text(at(['one', 'two']))).not.toContain('rotate');
    const aslant = at(Array.from({ length: 9 }, (_, i) => `fine-tuned ${i}/9`));
    expect(matches(aslant, /rotate\(-40 /g)).toHaveLength(9);
    expectInside(aslant);
  });

  test('ticks are round and enclose all values', () => {
    const { ticks, at } = axis([0.12, 0.87], 100, 0);
    expect(ticks.map(tick => Number(tick.toFixed(9)))).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect([at(0), at(0.5), at(1)]).toEqual([100, 50, 0]);
    expect(axis([1, 3], 100, 0, 1).ticks).toEqual([1, 2, 3]);
    expect(axis([], 100, 0).ticks).toEqual([0, 1]);
  });
});

describe('stages', () => {
  test('accuracy, and cost as a share of the dense model', () => {
    const [accuracy, cost] = plotsOfStages(ACCOUNT.report).map(({ drawing }) => drawing);
    expect(accuracy.description).toBe('From 98.33 % to 97.90 %: -0.43 points.');
    expect(text(accuracy)).toContain('<title>accuracy, pruned: 11.31 %</title>');
    expect(cost.description).toBe('In the end there are left: parameters 16.8 %, MACs 17.2 %, latency 26.1 %.');
    expect(text(cost)).toContain('<title>latency, fine-tuned: 26.08 %</title>');
    for (const drawing of [accuracy, cost]) expectInside(drawing);
  });

  test('the loss where there is no accuracy, and cost alone where there is no score', () => {
    const stages = SAMPLE.stages.map(({ accuracy: _, ...stage }) => stage);
    expect(plotsOfStages({ ...SAMPLE, stages })[0].name).toBe('loss');
    const bare = stages.map(({ loss: _, ...stage }) => stage);
    const unknown = { ...SAMPLE.before, macs: undefined };
    const plots = plotsOfStages({ ...SAMPLE, latency: undefined, stages: bare, before: unknown, after: unknown });
    expect(plots.map(({ name }) => name)).toEqual(['cost']);
    expect(plots[0].drawing.description).toBe('In the end there are left: parameters 16.8 %.');
  });
});

test('widths: as long as the layer was wide, dark what stays', () => {
  const drawing = widthBars([...SAMPLE.layers, { layer: 'gone', before: 12, after: 0 }]);
  const bars = (of: string): number[] =>
    [...text(drawing).matchAll(new RegExp(`width="([\\d.]+)" height="10" class="${of}"`, 'g'))].map(([, w]) =>
      Number(w),
    );
  const whole = bars('goes')[0];
  expect(bars('goes').map(long => Math.round((24 * long) / whole))).toEqual([24, 24, 10, 12]);
  expect(bars('stays').map(long => Math.round((24 * long) / whole))).toEqual([12, 3, 10]);
  expect(drawing.description).toBe('3 of 4 layers are narrower; 25 of 70 units are left (-64.3 %).');
  expect(drawn(drawing)).toEqual(expect.arrayContaining(['block1_conv1', '3 of 24']));
  expectInside(drawing);
});

test('gammas: some epochs, the first and the last among them, and a bar for each bin that is not empty', () => {
  const [first, second] = plotsOfGammas(ACCOUNT.report.gammas).map(({ drawing }) => drawing);
  expect(matches(first, /class="stays"/g)).toHaveLength(5 + 6 + 6);
  expect(text(first)).toContain('<title>0 to 0.2: 50 channels</title>');
  expect(text(first)).toContain('<title>1 and more: 10 channels</title>');
  expect(drawn(first)).toEqual(expect.arrayContaining(['before', 'epoch 1', 'epoch 2', '0.3', '1.2']));
  expect(first.title).toBe('|gamma| of channels, L1 of 0.01, 1 of 2');
  expect(second.description).toBe('Before training 60 channels are in the lowest of 6 bins, after it 80.');
  for (const drawing of [first, second]) expectInside(drawing);
  expect([spread(3, 8), spread(11, 8), spread(1, 8)]).toEqual([[0, 1, 2], [0, 1, 3, 4, 6, 7, 9, 10], [0]]);
  expect([rangeOf(0, 4, 1), rangeOf(3, 4, 1)]).toEqual(['0 to 0.25', '0.75 and more']);
});

describe('groups', () => {
  const [, stem] = PLAN.groups;

  test('one as a graph: makers left, readers right, an arrow for each, and every reason', () => {
    const drawing = groupGraph(stem, 1);
    expectInside(drawing);
    expect(matches(drawing, /<path class="edge"/g)).toHaveLength(4);
    expect(matches(drawing, /<polygon class="head"/g)).toHaveLength(4);
    const words = drawn(drawing)
      .join(' ')
      .replace(/&quot;/g, '"');
    for (const reason of stem.reasons!) expect(words).toContain(reason);
    expect(words).toContain('12 of 24');
    expect(drawing.description).toBe('stem, block1_conv2 make them; block1_conv1, head read them');
  });

  test('of many layers some are drawn and the others counted; long names stay in their boxes', () => {
    const layer = (i: number): string => `a_very_long_name_of_a_module_${i}/and_of_a_layer_in_it`;
    const coupled = Array.from({ length: 30 }, (_, i) => ({ layer: layer(i), weight: 0, axis: 1, role: i < 2 ? 'makes' : 'reads', parameter: 'kernel' })); // prettier-ignore
    const reasons = Array.from({ length: 14 }, (_, i) => `"${layer(i)}" (Add) ties them position by position`);
    const drawing = groupGraph({ ...stem, coupled, reasons }, 9);
    expectInside(drawing);
    expect(matches(drawing, /<path class="edge"/g)).toHaveLength(2 + 10);
    expect(drawn(drawing)).toEqual(expect.arrayContaining(['and 19 more', 'and 4 more reasons, see the list']));
    for (const words of drawn(drawing)) expect(words.replace(/&\w+;/g, '"').length).toBeLessThanOrEqual(50);
  });

  test('nothing to draw them by leaves the hub', () => {
    const bare: PlanGroup = { name: 'a', kind: 'neurons', units: 4, removed: [] };
    expectInside(groupGraph(bare, 0));
    expect(groupGraph(bare, 0).description).toBe('nothing makes them; nothing reads them');
  });

  test('all as a map: an arc for each way from one to another, the layers on it named', () => {
    const drawing = groupMap(PLAN.groups);
    expectInside(drawing);
    const ways = [...text(drawing).matchAll(/<path [^>]*><title>([^<]*)/g)].map(([, layers]) => layers);
    expect(ways).toEqual(['stem', 'block1_conv1', 'head', 'block1_conv2']);
    expect(matches(drawing, /<circle/g)).toHaveLength(4);
    expect(drawn(drawing)).toEqual(expect.arrayContaining(['image', '1, frozen', 'stem', '12 of 24']));
  });
});

test('every drawing as a file: whole, named, with the style in it, and nothing from elsewhere', () => {
  const plots = plotReport(ACCOUNT);
  const names = plots.map(({ name }) => name);
  expect(names).toEqual(['accuracy', 'cost', 'widths', 'groups', 'group-1-stem', 'group-2-block1-conv1', 'gammas-1', 'gammas-2', 'sensitivity']); // prettier-ignore
  for (const { svg } of plots) {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" role="img" [^>]*>\n<title>[^<]+<\/title><desc>[^<]+<\/desc><style>/); // prettier-ignore
    expect(svg).toMatch(/prefers-color-scheme:dark[\s\S]*<\/svg>\n$/);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|href|url\(/);
    expect(svg.match(/https?:/g)).toHaveLength(1);
  }
  expect(plotReport({ report: { ...SAMPLE, stages: [], layers: [] } })).toEqual([]);
});

test('a plan alone is drawn as in the report of it', () => {
  const plots = plotPlan(ACCOUNT.plan);
  expect(plots.map(({ name }) => name)).toEqual(['groups', 'group-1-stem', 'group-2-block1-conv1']);
  expect(plotReport(ACCOUNT)).toEqual(expect.arrayContaining([...plots]));
  expect(plotPlan({ ...ACCOUNT.plan, groups: [] })).toEqual([]);
});

test('a file has the title above the drawing', () => {
  const [{ drawing }] = plotsOfStages(SAMPLE);
  const svg = standalone(drawing);
  expect(svg).toContain(`viewBox="0 -26 ${WIDTH} ${drawing.height + 26}"`);
  expect(svg).toMatch(/<text x="8" y="-10"[^>]*>Accuracy through the stages<\/text>/);
});
