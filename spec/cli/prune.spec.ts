import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { Plan } from '../../lib/edit/plan';
import { costOf, layerWidths } from '../../lib/report/cost';
import type { Report } from '../../lib/report/report';
import { useBackend } from '../../lib/runtime/backend';
import { capture } from '../../lib/runtime/capture';
import { loadLayersModel, saveLayersModel } from '../../lib/runtime/files';
import { slimModel } from '../../lib/runtime/slimModel';
import { WASM } from '../backend';
import { contents, newFolder, removeFolders } from '../io/folder';
import { NETS } from '../zoo/nets';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

async function read(folder: string): Promise<Checkpoint> {
  const model = await loadLayersModel(folder);
  try {
    return await capture(model);
  } finally {
    model.dispose();
  }
}

/** Prunes and gives the report. */
async function pruned(...args: readonly string[]): Promise<Report> {
  const { code, out, error } = await run('prune', ...args, '--json');
  expect([code, error, out.length]).toEqual([0, [], 1]);
  return (JSON.parse(out[0]) as { report: Report }).report;
}

const widths = ({ layers: list }: Report): Record<string, number> =>
  Object.fromEntries(list.map(({ layer, after }) => [layer, after]));

test('writes a smaller model with its plan, and says what it did', async () => {
  const [folder, small] = [await savedNet('residual'), join(newFolder(), 'deep', 'small')];
  const before = contents(folder);
  const { code, out, error, shown } = await run('prune', folder, '--out', small);
  expect([code, error, out.length]).toEqual([0, [], 1]);
  expect(contents(folder)).toEqual(before);
  const [original, result] = [await read(folder), await read(small)];
  expect(layerWidths(original, result).map(({ after }) => after)).toEqual([3, 2, 3, 4]);
  expect(out[0]).toMatch(/^criterion l1, scope uniform, ratio 0\.5, minimum 1, multiple-of 1\n/);
  expect(out[0]).toMatch(/units +10 +5 +-50\.0 %/);
  expect(out[0]).toContain('certificate: the cut is exact');
  expect(out[0]).toContain(`tfjs-prune verify ${folder} ${small}`);
  expect(out[0]).toContain(`tfjs-prune report ${small}`);
  expect(shown).toContain(`score l1 ${'█'.repeat(20)} 2/2 `);
  expect(shown[shown.length - 1]).toBe('');
  const plan = JSON.parse(readFileSync(join(small, 'plan.json'), 'utf8')) as Plan;
  expect(plan).toMatchObject({ version: 1, method: 'prune(l1)', seed: 0 });
  expect(plan.groups.map(({ name, removed }) => [name, removed.length])).toEqual([
    ['x', 0],
    ['stem', 3],
    ['a', 2],
    ['head', 0],
  ]);
});

test('--json prints one document, which agrees with the files', async () => {
  const [folder, small] = [await savedNet('residual'), newFolder()];
  const { out } = await run('prune', folder, '--out', small, '--ratio', '0.3', '--json');
  const answer = JSON.parse(out[0]) as { model: string; out: string; settings: object; report: Report };
  expect([answer.model, answer.out]).toEqual([folder, small]);
  const settings = { criterion: 'l1', scope: 'uniform', ratio: 0.3, minimum: 1, 'multiple-of': 1 };
  expect(answer.settings).toEqual(settings);
  expect(answer.report.before).toEqual(costOf(await read(folder)));
  expect(answer.report.after).toEqual(costOf(await read(small)));
  expect(answer.report.after.units).toBe(7);
  expect(answer.report.latency?.runs).toBeGreaterThan(0);
  expect(await pruned(folder, '--out', small, '--no-latency')).not.toHaveProperty('latency');
});

test.each([
  ['--macs', '0.6', 'macs'],
  ['--macs', '0.35', 'macs'],
  ['--params', '0.6', 'parameters'],
  ['--params', '0.35', 'parameters'],
] as const)('%s %s: at most that much is left', async (option, value, measure) => {
  const folder = await savedNet('residual');
  for (const scope of ['uniform', 'global', 'isomorphic']) {
    const { before, after } = await pruned(folder, '--out', newFolder(), option, value, '--scope', scope);
    expect(after[measure]).toBeLessThanOrEqual(Number(value) * before[measure]!);
    expect(after[measure]).toBeGreaterThan((Number(value) - 0.25) * before[measure]!);
  }
});

test('every choice has its effect', async () => {
  const folder = await savedNet('sequential');
  const chosen = async (...args: string[]) => {
    const small = newFolder();
    const report = await pruned(folder, '--out', small, ...args);
    const { groups } = JSON.parse(readFileSync(join(small, 'plan.json'), 'utf8')) as Plan;
    return {
      widths: widths(report),
      method: report.method,
      removed: JSON.stringify(groups.map(group => group.removed)),
    };
  };
  const plain = await chosen();
  expect(
    await chosen('--criterion', 'l1', '--scope', 'uniform', '--ratio', '0.5', '--minimum', '1', '--seed', '0'),
  ).toEqual(plain);
  expect((await chosen('--criterion', 'l2')).method).toBe('prune(l2)');
  const random = await chosen('--criterion', 'random');
  expect(random.removed).not.toEqual((await chosen('--criterion', 'random', '--seed', '1')).removed);
  expect(random.widths).toEqual(plain.widths);
  expect((await chosen('--scope', 'global', '--ratio', '0.6')).removed).not.toEqual(
    (await chosen('--ratio', '0.6')).removed,
  );
  for (const width of Object.values((await chosen('--ratio', '0.9', '--minimum', '3')).widths)) {
    expect(width).toBeGreaterThanOrEqual(3);
  }
  const [conv, dense] = Object.values((await chosen('--ratio', '0.4', '--multiple-of', '4')).widths);
  expect([conv % 4, dense % 4]).toEqual([0, 0]);
});

test('the same seed gives the same bytes; a pruned model there before is replaced', async () => {
  const folder = await savedNet('residual');
  const [first, second] = [newFolder(), newFolder()];
  await pruned(folder, '--out', second, '--ratio', '0.2');
  // How long a pass takes is never the same; it stands in report.json alone.
  const options = ['--criterion', 'random', '--seed', '7', '--no-latency'];
  for (const small of [first, second]) await pruned(folder, '--out', small, ...options);
  expect(contents(second)).toEqual(contents(first));
  expect(Object.keys(contents(first))).toEqual(expect.arrayContaining(['plan.json', 'report.json']));
});

test('a model saved while it was being slimmed comes out in stock layers', async () => {
  const net = NETS.residual();
  const slimming = await slimModel(net, { l1: 1e-3 });
  const [folder, small] = [newFolder(), newFolder()];
  await saveLayersModel(slimming, folder);
  for (const model of [net, slimming]) model.dispose();
  await pruned(folder, '--out', small, '--criterion', 'gamma');
  const classes = (await read(small)).topology.config.layers.map(({ className }) => className);
  expect(classes).toContain('BatchNormalization');
  expect(classes).not.toContain('Slimmable');
  expect((await run('verify', folder, small)).code).toBe(0);
});

test('nothing is left behind, refused or not', async () => {
  const folder = await savedNet('residual');
  const before = tf.memory().numTensors;
  await pruned(folder, '--out', newFolder());
  await refusalOf('prune', folder, '--out', newFolder(), '--macs', '0.0001');
  expect(tf.memory().numTensors).toBe(before);
});

describe('refusals:', () => {
  test.each([
    [['--ratio', '1.5'], /uniform: expected ratio in \[0, 1\), .* got 1\.5/],
    [['--ratio=-0.1'], /expected ratio in \[0, 1\).* got -0\.1/],
    [['--ratio', 'half'], /expected --ratio to be a number, got "half"/],
    [['--ratio', ''], /expected --ratio to be a number, got ""/],
    [['--macs', '40'], /expected macs in \(0, 1\].* got 40\. For 40 % write 0\.4/],
    [['--params', '0'], /expected parameters in \(0, 1\].* got 0/],
    [['--ratio', '0.5', '--macs', '0.5'], /expected one of --ratio, --macs and --params, got --ratio and --macs/],
    [['--macs', '0.5', '--params', '0.5'], /got --macs and --params/],
    [
      ['--criterion', 'l3'],
      /expected --criterion to be one of l1, l2, gamma, geometricMedian, groupNorm, taylor, fisher, activation, apoz, wanda, fluctuation, hrank, random, got "l3"/,
    ],
    [['--criterion', 'fisher'], /expected --data FILE, which fisher looks at, got none/],
    [['--scope', 'layer'], /expected --scope to be one of uniform, global, isomorphic, got "layer"/],
    [['--multiple-of', '0'], /expected multipleOf to be an integer >= 1, got 0/],
    [['--minimum', '-2'], /expected minimum to be a number >= 0, got -2/],
    [['--seed', '1.5'], /expected --seed to be an integer >= 0, got 1\.5/],
    [['--macs', '0.001'], /costTarget: expected at most 0\.001 of \d+ MACs to stay, got \d+ \([\d.]+\) at the least/],
  ])('%j', async (args, message) => {
    const [folder, small] = [await savedNet('residual'), join(newFolder(), 'small')];
    expect(await refusalOf('prune', folder, '--out', small, ...args)).toMatch(message);
    expect(existsSync(small)).toBe(false);
  });

  test('a place that cannot be written to, or that holds the original', async () => {
    const folder = await savedNet('residual');
    const file = join(newFolder(), 'file');
    writeFileSync(file, 'mine');
    expect(await refusalOf('prune', folder, '--out', file)).toMatch(/--out: expected a folder, got the file ".*file"/);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    for (const model of [folder, join(folder, 'model.json')]) {
      expect(await refusalOf('prune', model, '--out', `${folder}/.`)).toMatch(/--out: expected a folder of its own/);
    }
    expect(await refusalOf('prune', folder, '--out', 'a/model.json')).toMatch(/expected a folder, .* Pass "a"/);
  });

  test('a model without anything to prune, and a criterion that covers none of it', async () => {
    const model = layers.sequential({ name: 'net' });
    model.add(layers.layers.dense({ units: 2, inputShape: [3], name: 'only' }));
    const folder = newFolder();
    await saveLayersModel(model, folder);
    expect(await refusalOf('prune', folder, '--out', newFolder())).toMatch(
      /at least one group that can be pruned, got none/,
    );
    const plain = await savedNet('sharedLayer');
    expect(await refusalOf('prune', plain, '--out', newFolder(), '--criterion', 'gamma')).toMatch(
      /not covered by gamma/,
    );
  });
});
