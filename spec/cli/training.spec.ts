/** slim, finetune and distill: models trained from the command line. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Report } from '../../lib/report/report';
import { useBackend } from '../../lib/runtime/backend';
import { WASM } from '../backend';
import { contents, newFolder, removeFolders } from '../io/folder';
import { labelledRows, slimmable } from './made';
import { refusalOf, run, runWatched, saved } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

const LONG = ['--epochs', '20', '--learning-rate', '0.01'];

const savedNet = (): Promise<string> => saved(slimmable());

async function reported(...args: readonly string[]): Promise<Report> {
  const { code, out, error } = await run(...args, '--json', '--no-latency');
  expect([code, error, out.length]).toEqual([0, [], 1]);
  return (JSON.parse(out[0]) as { report: Report }).report;
}

const stages = ({ stages: all }: Report): readonly string[] => all.map(({ name }) => name);

test('slim trains and keeps the size; with --ratio it cuts and trains on', async () => {
  const [net, data, folder] = [await savedNet(), labelledRows(), newFolder()];
  const options = ['--data', data, '--epochs', '2', '--l1', '0.01'];
  const tensors = tf.memory().numTensors;
  const kept = await reported('slim', net, ...options, '--out', join(folder, 'dense'));
  expect(stages(kept)).toEqual(['dense', 'slimmed']);
  expect(kept.after.units).toBe(kept.before.units);
  const cut = await reported('slim', net, ...options, '--ratio', '0.5', '--steps', '2', '--out', join(folder, 'slim'));
  const steps = [1, 2].flatMap(step =>
    ['slimmed', 'pruned', 'recalibrated', 'fine-tuned'].map(name => `${name} ${step}/2`),
  );
  expect(stages(cut)).toEqual(['dense', ...steps]);
  expect(cut.after.units).toBe(cut.before.units / 2);
  expect(tf.memory().numTensors).toBe(tensors);
});

test('finetune trains what was cut, from the same seed to the same bytes', async () => {
  const [net, data, folder] = [await savedNet(), labelledRows(), newFolder()];
  await run('prune', net, '--out', join(folder, 'cut'), '--no-latency');
  const tune = (out: string, seed: string): Promise<Report> =>
    reported('finetune', join(folder, 'cut'), '--data', data, ...LONG, '--seed', seed, '--out', join(folder, out)); // prettier-ignore
  const report = await tune('one', '0');
  expect(stages(report)).toEqual(['dense', 'recalibrated', 'fine-tuned']);
  const [first, last] = [report.stages[0], report.stages[2]].map(({ loss }) => loss!);
  expect(last).toBeLessThan(first);
  await tune('two', '0');
  await tune('three', '1');
  const [one, two, three] = ['one', 'two', 'three'].map(name => contents(join(folder, name)));
  expect(two).toEqual(one);
  expect(three).not.toEqual(one);
});

test('distill learns from another model', async () => {
  const [net, data, folder] = [await savedNet(), labelledRows(), newFolder()];
  const [teacher, cut] = [join(folder, 'teacher'), join(folder, 'cut')];
  await run('finetune', net, '--data', data, ...LONG, '--out', teacher, '--no-latency');
  await run('prune', teacher, '--out', cut, '--no-latency');
  const options = ['--data', data, ...LONG, '--weight', '1', '--out', join(folder, 'small')];
  const report = await reported('distill', cut, teacher, ...options);
  expect(stages(report)).toEqual(['dense', 'recalibrated', 'distilled']);
  expect(report.stages[2].loss!).toBeLessThan(report.stages[0].loss!);
  expect(await refusalOf('distill', cut, '--data', data, '--out', join(folder, 'small'))).toMatch(/MODEL and TEACHER/);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s stops with 130, writes no model, and the same line goes on from there',
  async signal => {
    const [net, data, folder] = [await savedNet(), labelledRows(), newFolder()];
    const args = ['slim', net, '--data', data, '--epochs', '2', '--ratio', '0.5', '--no-latency'];
    const [whole, out, kept] = ['whole', 'out', 'kept'].map(name => join(folder, name));
    await run(...args, '--out', whole);
    const stopped = await runWatched(text => void (text.includes('fine-tune') && process.emit(signal)), ...args, '--resume', kept, '--out', out); // prettier-ignore
    expect(stopped).toMatchObject({ code: 130, out: [], error: [expect.stringMatching(/^tfjs-prune: .*abort/)] });
    expect(existsSync(out)).toBe(false);
    const again = await run(...args, '--resume', kept, '--out', out);
    expect(again.code).toBe(0);
    expect(again.shown.some(text => text.includes('done by the run that was stopped'))).toBe(true);
    expect(contents(out)).toEqual(contents(whole));
  },
);

test('a lone training that is stopped goes on behind its last epoch', async () => {
  const [net, data, folder] = [await savedNet(), labelledRows(), newFolder()];
  const args = ['finetune', net, '--data', data, '--epochs', '3', '--no-latency'];
  const [whole, out, kept] = ['whole', 'out', 'kept'].map(name => join(folder, name));
  await run(...args, '--out', whole);
  const stop = (text: string): void => void (/ 1\/3 loss/.test(text) && process.emit('SIGINT'));
  expect((await runWatched(stop, ...args, '--resume', kept, '--out', out)).code).toBe(130);
  const again = await run(...args, '--resume', kept, '--out', out);
  expect(again.shown.some(text => text.includes('goes on behind epoch 1 of 3'))).toBe(true);
  expect(again.shown.some(text => / 1\/3 loss/.test(text))).toBe(false);
  expect(contents(out)).toEqual(contents(whole));
});

test('what training does not take is refused in one line', async () => {
  const [net, data, folder] = [await savedNet(), labelledRows(), newFolder()];
  const to = ['--out', join(folder, 'out')];
  expect(await refusalOf('finetune', net, ...to)).toMatch(/expected --data FILE, got none/);
  expect(await refusalOf('finetune', net, ...to, '--data', data, '--optimizer', 'sgd')).toMatch(
    /optimizer.*adam, momentum/,
  );
  expect(await refusalOf('finetune', net, ...to, '--data', data, '--epochs', '0.5')).toMatch(/epochs/);
  expect(await refusalOf('slim', net, ...to, '--data', data, '--steps', '2')).toMatch(/expected --ratio with --steps/);
  expect(existsSync(join(folder, 'out'))).toBe(false);
});
