import { ndarray } from '../../lib/core/array';
import { describeSettings } from '../../lib/core/settings';
import { costTarget, global, isomorphic, uniform } from '../../lib/budgets';
import { gamma, magnitude } from '../../lib/criteria';
import { chain, fineTune, networkSlimming, prune, recalibrate, repair, repeat } from '../../lib/methods';

const text = (value: unknown): string => JSON.stringify(describeSettings(value));

const budgets = [
  ...[0.4, 0.5].map(ratio => [global({ ratio }), uniform({ ratio }), isomorphic({ ratio })]),
  [uniform({ ratio: 0.5, ratios: { a: 0.25 } }), global({ ratio: 0.5, minimum: 2 }), costTarget({ macs: 0.5 })],
  [costTarget({ macs: 0.5, scope: uniform }), costTarget({ parameters: 0.5 })],
].flat();
const cut = (budget = budgets[0]) => prune({ criterion: magnitude(), budget });

test('budgets, criteria and methods that differ differ in what they were made with', () => {
  const all = [
    ...budgets.map(cut),
    prune({ criterion: magnitude({ norm: 'l2' }), budget: budgets[0] }),
    prune({ criterion: magnitude({ normalize: 'none' }), budget: budgets[0] }),
    prune({ criterion: gamma(), budget: budgets[0] }),
    prune({ criterion: gamma({ aggregate: 'max' }), budget: budgets[0] }),
    prune({ criterion: magnitude(), budget: budgets[0], protect: ['a'] }),
    prune({ criterion: magnitude(), budget: budgets[0], groups: ({ name }) => name !== 'a' }),
    prune({ criterion: magnitude(), budget: budgets[0], groups: ({ name }) => name !== 'b' }),
    fineTune({ epochs: 1 }),
    fineTune({ epochs: 2 }),
    recalibrate(),
    recalibrate({ batches: 2 }),
    repair(cut()),
    repair(cut(), { kind: 'mean' }),
    repair(cut(budgets[1])),
    chain(cut(), cut()),
    chain(cut(), cut(budgets[1])),
    repeat(2, () => cut(budgets[1])),
    networkSlimming({ ratio: 0.5, slim: { epochs: 1, l1: 1 }, fineTune: { epochs: 1 } }),
    networkSlimming({ ratio: 0.6, slim: { epochs: 1, l1: 1 }, fineTune: { epochs: 1 } }),
  ].map(({ name, settings }) => text({ name, settings }));
  expect(new Set(all).size).toBe(all.length);
  expect(text(cut(global({ ratio: 0.5 })))).toBe(text(cut(global({ ratio: 0.5 }))));
});

test('weights count by their content, numbers that JSON lacks by name', () => {
  const weights = (value: number) => new Map([['a', [ndarray(new Float32Array([value, 2]), [2])]]]);
  expect(text(weights(1))).toBe(text(weights(1)));
  expect(text(weights(1))).not.toBe(text(weights(1.5)));
  expect(new Set([NaN, Infinity, -Infinity, 0, undefined, null].map(value => text({ value }))).size).toBe(6);
});

test('what holds itself ends', () => {
  const round: { self?: unknown } = {};
  round.self = round;
  expect(text(round)).toBe('{"self":"itself"}');
});
