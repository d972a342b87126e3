/** A plan as people read it. */
import '@tensorflow/tfjs-backend-cpu';
import { describeCut, type Plan } from '../../lib/edit/plan';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { explain } from '../../lib/report/explain';
import { formatPlan } from '../../lib/report/planText';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { refusal } from '../zoo/refusal';

/** Removes the units with these indices from every group that has them and others. */
async function planOf(name: string, indices: readonly number[]): Promise<Plan> {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  const traced = trace(model);
  const all = groupsOf(traced);
  const free = all.filter(({ frozen, units }) => frozen === undefined && units.length > indices.length);
  const removed = new Set(free.flatMap(({ units }) => indices.filter(i => i < units.length).map(i => units[i])));
  const head = { version: 1, source: { sha256: '0123456789abcdef' }, method: 'prune(l1)', seed: 7 } as const;
  return explain(model, { ...head, ...describeCut(all, traced, removed) });
}

test('the terminal plan of a residual net reads like this', async () => {
  expect(formatPlan(await planOf('residual', [0, 1, 3]))).toBe(
    `
prune(l1), seed 7, for the model 0123456789ab

                     before    after    change
units that can go        10        4   -60.0 %
parameters              702      186   -73.5 %
MACs                 17.8 k   4.06 k   -77.2 %
size                2.81 kB    744 B   -73.5 %

group   kind       units   kept   parameters      MACs       size
stem    channels       6      3         -339   -8.92 k   -1.36 kB
a       channels       4      1         -339   -9.72 k   -1.36 kB

Parameters, MACs and size: what the removal saves if it is the only one.

stem: 3 of 6 channels stay
  made by stem, b; scaled by bn0, bn2; read by a, head
  "add" (Add) ties them position by position
  "bn0" (BatchNormalization) scales them one to one
  "bn2" (BatchNormalization) scales them one to one
  removes 0-1, 3

a: 1 of 4 channels stay
  made by a; scaled by bn1; read by b
  "bn1" (BatchNormalization) scales them one to one
  removes 0-1, 3

frozen   units   why
x            3   model input
head         4   model output`.trim(),
  );
});

test('Markdown holds the same, as tables and lists', async () => {
  const text = formatPlan(await planOf('nestedFunctionalTwice', [1]), 'markdown');
  expect(text).toContain('### prune(l1), seed 7, for the model 0123456789ab');
  expect(text).toMatch(/\| group \| kind \| units \| kept \| parameters \| MACs \| size \|\n\| --- \| --- \| ---: /);
  expect(text).toContain(
    [
      '**block/conv: 3 of 4 channels stay**',
      '',
      '- made by block/conv; scaled by block/bn; read by between, after',
      '- the calls of shared layer "block/conv" use one kernel',
    ].join('\n'),
  );
  expect(text).toContain('| head | 4 | model output |');
  for (const table of text.split('\n\n').filter(part => part.startsWith('|'))) {
    expect(new Set(table.split('\n').map(row => row.split(/(?<!\\)\|/).length)).size).toBe(1);
  }
});

test('a plan without removals says that all stay, and saves nothing', async () => {
  const text = formatPlan(await planOf('sequential', []));
  expect(text).toContain('conv: all 8 channels stay');
  expect(text).toMatch(/^hidden +neurons +7 +7 +0 +0 +0$/m);
  expect(text).toMatch(/^parameters +631 +631 +same$/m);
  expect(text).not.toContain('removes');
});

test('a plan without the account, as other tools may write it, is printed as far as it goes', async () => {
  const { cost: _cost, groups, ...rest } = await planOf('residual', [0]);
  const bare = groups.map(({ name, kind, units, removed, frozen }) => ({ name, kind, units, removed, frozen }));
  const text = formatPlan({ ...rest, groups: bare });
  expect(text).toContain('stem: 5 of 6 channels stay\n  removes 0');
  for (const word of ['undefined', 'NaN', 'only one', 'made by', 'MACs']) expect(text).not.toContain(word);
});

describe('no line is over 100 columns, whatever the names', () => {
  const longest = (text: string): number => Math.max(...text.split('\n').map(line => line.length));

  test.each(NET_NAMES)('%s', async name => {
    const text = formatPlan(await planOf(name, [0]));
    expect(longest(text)).toBeLessThanOrEqual(100);
    expect(text.split('\n').filter(line => line !== line.trimEnd())).toEqual([]);
  });

  test('long paths, many layers, many reasons, many indices', async () => {
    const plan = await planOf('residual', [0]);
    const path = (i: number): string => `${'a_long_name/of_a_layer/'.repeat(6)}${i}`;
    const many = Array.from({ length: 40 }, (_, i) => i);
    const groups = plan.groups.map((group, g) => ({
      ...group,
      name: path(g),
      units: 1000,
      ...(group.frozen === undefined ? { removed: many.map(i => 3 * i) } : { frozen: `${group.frozen} of ${path(g)}` }),
      coupled: many.map(i => ({
        layer: path(i),
        weight: 0,
        axis: 0,
        role: ['makes', 'reads'][i % 2],
        parameter: 'kernel',
      })),
      reasons: many.map(i => `"${path(i)}" (Add) ties them position by position`),
    }));
    const text = formatPlan({ ...plan, method: many.map(i => `prune(${i})`).join(' -> '), groups });
    expect(longest(text)).toBeLessThanOrEqual(100);
    expect(text).toContain('and 14 more');
    expect(text).toContain('and 32 more reasons');
    expect(text).toMatch(/removes 0, 3, 6.* and 16 more/s);
  });
});

test('another format is refused with those there are', async () => {
  const plan = await planOf('residual', [0]);
  const error = refusal(() => formatPlan(plan, 'html' as 'markdown'));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain('terminal, markdown');
});

test('what was timed to choose it is told', async () => {
  const trial = (units: number, work: number, speedup: number) => ({
    units,
    work,
    milliseconds: 12 / speedup,
    speedup,
  });
  const [first, second] = [trial(0.5, 0.25, 2.5), trial(0.625, 0.4, 2.04)];
  const clock = { backend: 'wasm', batch: 1, runs: 11, target: 6, dense: 12, multipleOf: 8 };
  const plan = {
    ...(await planOf('residual', [0])),
    measured: [{ ...clock, trials: [first, second], result: second }],
  };
  expect(formatPlan(plan)).toContain(
    `
Timed on wasm: 6.00 ms of 12.0 ms allowed (batch 1, median of 11 or more), widths in multiples of 8.

units left   MACs left      time        as fast
50.0 %          25.0 %   4.80 ms          2.50x
62.5 %          40.0 %   5.88 ms   2.04x, taken`.trim(),
  );
});
