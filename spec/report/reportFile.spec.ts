import { formatReport } from '../../lib/report/format';
import { toHtml } from '../../lib/report/html/page';
import { parseReport, parseSensitivity } from '../../lib/report/reportFile';
import { refusal } from '../zoo/refusal';
import { ACCOUNT, SAMPLE } from './sample';

type Loose = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- a JSON to be broken at will

const copy = <T>(value: T): Loose => JSON.parse(JSON.stringify(value)) as Loose;

test('a report is read as it was written, with fields that a later release may add', () => {
  const later = { ...ACCOUNT.report, example: [[256]], mood: 'good' };
  expect(parseReport(copy(later))).toEqual(later);
  expect(parseReport(copy(SAMPLE))).toEqual(SAMPLE);
  expect(parseSensitivity(copy(ACCOUNT.sensitivity))).toEqual(ACCOUNT.sensitivity);
});

test('what was not finite is not known, to all that show it', () => {
  const stages = SAMPLE.stages.map(stage => ({ ...stage, loss: Infinity, accuracy: NaN }));
  const read = parseReport(copy({ ...SAMPLE, stages, before: { ...SAMPLE.before, macs: NaN } }));
  expect(read.stages.map(Object.keys)).toEqual(stages.map(() => ['name', 'units', 'parameters', 'macs', 'bytes']));
  for (const text of [formatReport(read), toHtml({ report: read })]) expect(text).not.toMatch(/null|NaN|Infinity/);
  const [group] = ACCOUNT.sensitivity.groups;
  const points = group.points.map(point => ({ ...point, loss: Infinity }));
  const scan = parseSensitivity(copy({ ...ACCOUNT.sensitivity, groups: [{ ...group, points }] }));
  expect(toHtml({ report: SAMPLE, sensitivity: scan })).not.toMatch(/null|NaN|Infinity/);
});

const cases: [string, (report: Loose) => unknown, RegExp][] = [
  ['no method', report => delete report.method, /a word as report\.method, got none/],
  ['a seed in words', report => (report.seed = '7'), /a number as report\.seed, got "7"/],
  ['no backend', report => delete report.backend, /a word as report\.backend/],
  ['a split that is none', report => (report.split = 'most'), /a split, got "most"/],
  ['no cost', report => delete report.before, /an object as before, got none/],
  ['half a cost', report => delete report.after.units, /a number as after\.units/],
  ['MACs that are no number', report => (report.after.macs = '9'), /a number as after\.macs, got "9"/],
  ['an example without sizes', report => (report.example = [['7']]), /shapes of an example, got \[\["7"\]\]/],
  ['stages that are no list', report => (report.stages = {}), /a list of stages, got \{\}/],
  ['a stage without a name', report => delete report.stages[1].name, /a word as stages\[1\]\.name/],
  ['a time in words', report => (report.stages[2].latency = 'soon'), /a number as stages\[2\]\.latency/],
  ['an accuracy in words', report => (report.stages[0].accuracy = 'high'), /a number as stages\[0\]\.accuracy/],
  ['no layers', report => delete report.layers, /a list of layers, got none/],
  ['a layer of no width', report => delete report.layers[2].after, /a number as layers\[2\]\.after/],
  ['a certificate without an error', report => delete report.certificates[0].error, /certificates\[0\]\.error/],
  ['a block of no layers', report => delete report.blocks[0].layers, /a list of blocks\[0\]\.layers/],
  ['a layer that is a number', report => (report.blocks[0].layers[1] = 5), /a word as blocks\[0\]\.layers\[1\], got 5/],
  ['a stream without a width', report => delete report.turned[0].after, /a number as turned\[0\]\.after/],
  ['a step taken back without a reason', report => delete report.undone[0].reason, /a word as undone\[0\]\.reason/],
  ['gammas without an end', report => delete report.gammas[0].most, /a number as gammas\[0\]\.most/],
  ['gammas without counts', report => (report.gammas[0].counts = []), /all as long, as gammas\[0\]\.counts, got \[\]/],
  ['bins of another number', report => report.gammas[1].counts[1].pop(), /all as long, as gammas\[1\]\.counts/],
  ['half a channel', report => (report.gammas[0].counts[0][0] = 0.5), /whole numbers/],
  ['a latency without a speedup', report => delete report.latency.speedup, /a number as latency\.speedup/],
  ['half a latency', report => delete report.latency.after, /an object as latency\.after/],
];

test.each(cases)('%s is refused', (_, damage, message) => {
  const report = copy(ACCOUNT.report);
  damage(report);
  const error = refusal(() => parseReport(report, 'here'));
  expect(error.code).toBe('bad-file');
  expect(error.message).toMatch(message);
  expect(error.message).toMatch(/^here: .* Take the report as compress returned or saved it\.$/);
});

test.each([
  ['no scan', () => parseSensitivity([]), /a scan, got \[\]/],
  ['no criterion', () => parseSensitivity({}), /a word as scan\.criterion/],
  ['no dense model', () => parseSensitivity({ ...ACCOUNT.sensitivity, dense: {} }), /accuracy or loss in dense/],
  ['no groups', () => parseSensitivity({ ...ACCOUNT.sensitivity, groups: 1 }), /a list of groups, got 1/],
  [
    'a group without points',
    () => parseSensitivity({ ...ACCOUNT.sensitivity, groups: [{ name: 'a', kind: 'b', units: 1 }] }),
    /a list of groups\[0\]\.points, got none/,
  ],
  [
    'a point without a ratio',
    () =>
      parseSensitivity({ ...ACCOUNT.sensitivity, groups: [{ name: 'a', kind: 'b', units: 1, points: [{ loss: 1 }] }] }),
    /a number as groups\[0\]\.points\[0\]\.ratio/,
  ],
  ['no report', () => parseReport('report'), /a report, got "report"/],
] as const)('%s is refused', (_, read, message) => {
  const error = refusal(read);
  expect([error.code, error.message]).toEqual(['bad-file', expect.stringMatching(message)]);
});
