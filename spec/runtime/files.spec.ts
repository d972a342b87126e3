/** What goes with a saved model: its plan and where it comes from. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type * as layers from '@tensorflow/tfjs-layers';
import {
  capture,
  compress,
  loadLayersModel,
  magnitude,
  provenanceFrom,
  provenanceOf,
  prune,
  readPlanFile,
  readReportFile,
  saveLayersModel,
  uniform,
  type Plan,
  type Provenance,
  type Report,
} from 'tfjs-prune';
import { hashOf } from '../../lib/core/hash';
import { VERSION } from '../../lib/core/version';
import { CPU_KERNELS } from '../backend';
import { contents, editModelJson, newFolder, plainLoad, removeFolders } from '../io/folder';
import { outputsOf, perceptron } from '../io/models';
import { PLAN } from '../io/plan';
import { rejection } from '../zoo/refusal';
import { version } from '../../package.json';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
});
afterEach(removeFolders);

interface Small {
  readonly model: layers.LayersModel;
  readonly plan: Plan;
  readonly report: Report;
  readonly provenance: Provenance;
  readonly parent: string;
}

async function small(): Promise<Small> {
  const original = perceptron();
  const method = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) });
  const { model, report, plan } = await compress(original, method, { seed: 3, latency: false });
  const parent = await hashOf(await capture(original));
  original.dispose();
  return { model, plan, report, provenance: await provenanceOf({ report, plan }), parent };
}

const fileOf = (folder: string): string => join(folder, 'plan.json');
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

test('the version is that of the package', () => expect(VERSION).toBe(version));

test('provenance and plan come back from the files, and say what happened', async () => {
  const { model, plan, provenance, parent } = await small();
  const folder = newFolder();
  model.setUserDefinedMetadata({ classes: 3 });
  await saveLayersModel(model, folder, { plan, provenance, metadata: { note: 'n' } });
  const loaded = await loadLayersModel(folder);
  expect(loaded.getUserDefinedMetadata()).toEqual({ classes: 3, note: 'n', tfjsPrune: provenance });
  expect(provenanceFrom(loaded.getUserDefinedMetadata())).toEqual(provenance);
  expect(await readPlanFile(folder)).toEqual(plan);
  expect(await readPlanFile(fileOf(folder))).toEqual(plan);
  expect(provenance).toEqual({
    parent,
    plan: sha256(fileOf(folder)),
    seed: 3,
    method: plan.method,
    version,
    metrics: {
      before: expect.objectContaining({ units: 6, parameters: 57, macs: 48, bytes: 228 }),
      after: expect.objectContaining({ units: 3, parameters: 30, macs: 24, bytes: 120 }),
    },
  });
  expect(await outputsOf(await plainLoad(folder))).toEqual(await outputsOf(loaded));
});

test('the same run gives the same files', async () => {
  const folders = [newFolder(), newFolder()];
  for (const folder of folders) {
    const { model, plan, provenance } = await small();
    await saveLayersModel(model, folder, { plan, provenance });
    model.dispose();
  }
  expect(contents(folders[1])).toEqual(contents(folders[0]));
});

test('provenance that is none is not read, and does not stop a model from being read', async () => {
  const { model, plan, provenance } = await small();
  const folder = newFolder();
  await saveLayersModel(model, folder, { plan, provenance });
  const damages: unknown[] = [
    null,
    7,
    [],
    { ...provenance, parent: 'abc' },
    { ...provenance, seed: '3' },
    { ...provenance, metrics: undefined },
    { ...provenance, metrics: { ...provenance.metrics, after: { units: 'many' } } },
  ];
  for (const tfjsPrune of damages) {
    editModelJson(folder, json => ({ ...json, userDefinedMetadata: { tfjsPrune } }));
    const loaded = await loadLayersModel(folder);
    expect(provenanceFrom(loaded.getUserDefinedMetadata())).toBeUndefined();
    loaded.dispose();
  }
  for (const none of [undefined, null, {}]) expect(provenanceFrom(none)).toBeUndefined();
});

describe('a plan', () => {
  test('of another model is found out', async () => {
    const { model, plan, provenance } = await small();
    const folder = newFolder();
    await saveLayersModel(model, folder, { plan, provenance });
    writeFileSync(fileOf(folder), JSON.stringify({ ...plan, seed: 4 }));
    const error = await rejection(readPlanFile(folder));
    expect(error.code).toBe('bad-file');
    expect(error.message).toContain('the plan of the model beside it');
    const mixed = await rejection(saveLayersModel(model, folder, { plan: PLAN, provenance }));
    expect(mixed.code).toBe('bad-option');
    expect(mixed.message).toContain('got another plan');
  });

  test('is replaced with its model, and goes with it', async () => {
    const model = perceptron();
    const folder = newFolder();
    await saveLayersModel(model, folder, { plan: PLAN });
    await saveLayersModel(model, folder, { plan: { ...PLAN, seed: 8 } });
    expect((await readPlanFile(folder)).seed).toBe(8);
    await saveLayersModel(model, folder);
    expect(existsSync(fileOf(folder))).toBe(false);
  });

  test("of somebody else's stays where no model of ours was, or where it is none of ours", async () => {
    const model = perceptron();
    const [foreign, alone] = [newFolder(), newFolder()];
    writeFileSync(fileOf(foreign), '{"plan":"to rest"}');
    writeFileSync(fileOf(alone), JSON.stringify(PLAN));
    for (const folder of [foreign, alone]) await saveLayersModel(model, folder);
    await saveLayersModel(model, foreign);
    for (const folder of [foreign, alone]) expect(existsSync(fileOf(folder))).toBe(true);
  });

  test.each([
    ['missing', undefined, /a file plan\.json, got no such file/],
    ['no JSON', 'x', /expected JSON, got "x"/],
    ['too deep', '['.repeat(1000) + ']'.repeat(1000), /at most 200 levels/],
    ['a model', '{"format":"layers-model"}', /a plan of version 1 to 3, got none/],
  ])('that is %s is refused', async (_, text, message) => {
    const folder = newFolder();
    if (text !== undefined) writeFileSync(fileOf(folder), text);
    const error = await rejection(readPlanFile(folder));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`readPlanFile "${fileOf(folder)}"`);
  });

  test('that is damaged is not written', async () => {
    const folder = newFolder();
    const plan = { ...PLAN, groups: [{ ...PLAN.groups[0], removed: [99] }] };
    expect((await rejection(saveLayersModel(perceptron(), folder, { plan }))).message).toContain('rising numbers');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a report', () => {
  const place = (folder: string): string => join(folder, 'report.json');

  test('comes back as it was, from the folder and by its name', async () => {
    const { model, plan, report, provenance } = await small();
    const folder = newFolder();
    await saveLayersModel(model, folder, { plan, report, provenance });
    expect(readdirSync(folder).filter(name => name.startsWith('.'))).toEqual([]);
    const known = JSON.parse(JSON.stringify(report)) as Report;
    for (const path of [folder, place(folder)]) expect(await readReportFile(path)).toEqual(known);
  });

  test('of another model is found out', async () => {
    const { model, plan, report, provenance } = await small();
    const folder = newFolder();
    await saveLayersModel(model, folder, { plan, report, provenance });
    writeFileSync(place(folder), JSON.stringify({ ...report, after: { ...report.after, parameters: 31 } }));
    const error = await rejection(readReportFile(folder));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(
      /the report of the model beside it, prune\(l1\), seed 3, 57 to 30 parameters, got .* 57 to 31 parameters\. Copy the whole/,
    );
  });

  test("is replaced with its model, and goes with it; somebody else's stays", async () => {
    const { model, report } = await small();
    const [folder, foreign] = [newFolder(), newFolder()];
    writeFileSync(place(foreign), '{"report":"on the weather"}');
    await saveLayersModel(model, foreign);
    await saveLayersModel(model, folder, { report });
    await saveLayersModel(model, folder, { report: { ...report, seed: 8 } });
    expect((await readReportFile(folder)).seed).toBe(8);
    await saveLayersModel(model, folder);
    await saveLayersModel(model, foreign);
    expect([folder, foreign].map(each => existsSync(place(each)))).toEqual([false, true]);
  });

  test.each([
    ['missing', undefined, /a file report\.json, got no such file/],
    ['no JSON', 'x', /expected JSON, got "x"/],
    ['a plan', JSON.stringify(PLAN), /a word as report\.backend, got none/],
  ])('that is %s is refused', async (_, text, message) => {
    const folder = newFolder();
    if (text !== undefined) writeFileSync(place(folder), text);
    const error = await rejection(readReportFile(folder));
    expect([error.code, error.message]).toEqual(['bad-file', expect.stringMatching(message)]);
    expect(error.message).toContain(`readReportFile "${place(folder)}"`);
  });

  test('that is damaged is not written', async () => {
    const { model, report } = await small();
    const folder = newFolder();
    const damaged = { ...report, stages: 1 as never };
    expect((await rejection(saveLayersModel(model, folder, { report: damaged }))).message).toContain(
      'a list of stages',
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('saving that fails', () => {
  test('leaves model and plan as they were', async () => {
    const [first, second] = [perceptron(6), perceptron(4)];
    const folder = newFolder();
    await saveLayersModel(first, folder, { plan: PLAN });
    const before = contents(folder);
    // model.json is swapped last: when that fails, the plan has been swapped already.
    const rename = jest.spyOn(
      jest.requireActual<{ rename(from: string, to: string): Promise<void> }>('node:fs/promises'),
      'rename',
    );
    rename.mockImplementation(async (from, to) => {
      if (String(to).endsWith('model.json')) throw new Error('no space left');
      renameSync(from, to);
    });
    const error = await rejection(saveLayersModel(second, folder, { plan: { ...PLAN, seed: 9 } }));
    rename.mockRestore();
    expect(error.message).toMatch(/no space left.*what was there before is unchanged/);
    expect(contents(folder)).toEqual(before);
  });

  test('leaves no plan where none was', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'model.json'));
    expect((await rejection(saveLayersModel(perceptron(), folder, { plan: PLAN }))).code).toBe('bad-file');
    expect(readdirSync(folder)).toEqual(['model.json']);
  });

  test('on a folder in the place of the plan leaves nothing', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'plan.json'));
    expect((await rejection(saveLayersModel(perceptron(), folder, { plan: PLAN }))).code).toBe('bad-file');
    expect(readdirSync(folder)).toEqual(['plan.json']);
  });
});

test('saving refuses what is no LayersModel, no folder, or no JSON', async () => {
  const graph = { execute: () => 0, predict: () => 0, save: () => 0, modelUrl: '' };
  const folder = newFolder();
  for (const model of [undefined, null, {}, graph]) {
    expect((await rejection(saveLayersModel(model as never, folder))).code).toBe('bad-model');
  }
  const model = perceptron();
  for (const path of [undefined, '', 7]) {
    expect((await rejection(saveLayersModel(model, path as never))).code).toBe('bad-option');
  }
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  for (const metadata of [loop, { big: 1n }]) {
    const error = await rejection(saveLayersModel(model, folder, { metadata }));
    expect(error.code).toBe('bad-option');
    expect(error.message.split('\n').length).toBe(1);
  }
  expect((await rejection(saveLayersModel(model, folder, { provenance: {} as never }))).code).toBe('bad-option');
  expect(readdirSync(folder)).toEqual([]);
  model.dispose();
});
