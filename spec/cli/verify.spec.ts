import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Plan } from '../../lib/edit/plan';
import { useBackend } from '../../lib/runtime/backend';
import { chain, compress, lastBlocks, layerDrop, magnitude, prune, saveLayersModel, uniform } from 'tfjs-prune';
import { streamNet } from '../zoo/streams';
import { WASM } from '../backend';
import { editModelJson, newFolder, removeFolders, shardPaths } from '../io/folder';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

async function cut(net: string, ...args: readonly string[]): Promise<[original: string, small: string]> {
  const [original, small] = [await savedNet(net), newFolder()];
  expect((await run('prune', original, '--out', small, ...args)).error).toEqual([]);
  return [original, small];
}

test.each(['residual', 'separable', 'sharedLayer', 'sequentialOfModel', 'depthwise2'])(
  '%s: a cut is what its plan says',
  async net => {
    const [original, small] = await cut(net, '--ratio', '0.4', '--scope', 'global');
    const { code, out, error } = await run('verify', original, small);
    expect([code, error]).toEqual([0, []]);
    expect(out[0]).toMatch(
      /equals .* without \d+ of its units:\nlargest relative difference [\d.e-]+ on 8 random inputs/,
    );
  },
);

test('--json prints one document; files may be named instead of folders', async () => {
  const [original, small] = await cut('residual');
  const { out } = await run('verify', join(original, 'model.json'), join(small, 'model.json'), '--json');
  expect(out.length).toBe(1);
  const { error, ...answer } = JSON.parse(out[0]) as Record<string, unknown>;
  expect(answer).toMatchObject({ removed: 5, limit: 1e-5, probes: 8 });
  expect(error).toBeLessThan(1e-5);
});

test('blocks that are gone are proved gone', async () => {
  const net = streamNet('postNorm');
  const [original, small] = [newFolder(), newFolder()];
  await saveLayersModel(net, original);
  const { model, plan } = await compress(
    net,
    chain(
      layerDrop({ count: 1, criterion: lastBlocks() }),
      prune({ criterion: magnitude(), budget: uniform({ ratio: 0.3 }) }),
    ),
    { latency: false },
  );
  await saveLayersModel(model, small, { plan });
  [net, model].forEach(each => each.dispose());
  const { code, out, error } = await run('verify', original, small);
  expect([code, error]).toEqual([0, []]);
  expect(out[0]).toMatch(/without \d+ of its units and 1 of its blocks:/);
  const { out: json } = await run('verify', original, small, '--json');
  expect(JSON.parse(json[0])).toMatchObject({ blocks: 1 });
});

test('weights that changed after the cut are found', async () => {
  const [original, small] = await cut('residual');
  const [shard] = shardPaths(small);
  const weights = new Float32Array(new Uint8Array(readFileSync(shard)).buffer);
  writeFileSync(
    shard,
    weights.map(weight => weight * 1.001),
  );
  expect(await refusalOf('verify', original, small)).toMatch(
    /verify ".*": expected the original with its removed units masked, within 1\.0e-5, got a relative difference of \d\.\de-\d\. It was trained/,
  );
});

test('the plan of another cut is found, whatever the model says of its own', async () => {
  const [original, small] = await cut('residual');
  const other = newFolder();
  await run('prune', original, '--out', other, '--criterion', 'random');
  copyFileSync(join(other, 'plan.json'), join(small, 'plan.json'));
  expect(await refusalOf('verify', original, small)).toMatch(
    /the plan of the model beside it, with SHA-256 .* got another/,
  );
  editModelJson(small, json => ({ ...json, userDefinedMetadata: undefined }));
  expect(await refusalOf('verify', original, small)).toMatch(/got a relative difference of/);
});

test('a plan whose sites do not follow from its groups is found', async () => {
  const [original, small] = await cut('residual');
  editModelJson(small, json => ({ ...json, userDefinedMetadata: undefined }));
  const file = join(small, 'plan.json');
  const plan = JSON.parse(readFileSync(file, 'utf8')) as Plan;
  writeFileSync(file, JSON.stringify({ ...plan, sites: plan.sites.slice(1) }));
  expect(await refusalOf('verify', original, small)).toMatch(/expected sites that follow from the removed units/);
});

test('another original, and one whose weights are others', async () => {
  const [original, small] = await cut('residual');
  expect(await refusalOf('verify', await savedNet('sequential'), small)).toMatch(/the model it was made for \(sha256 /);
  const [shard] = shardPaths(original);
  const weights = new Float32Array(new Uint8Array(readFileSync(shard)).buffer);
  weights[0] += 1;
  writeFileSync(shard, weights);
  expect(await refusalOf('verify', original, small)).toMatch(/the model it was made for \(sha256 /);
});

test('a plan that is missing or damaged', async () => {
  const [original, small] = await cut('residual');
  writeFileSync(join(small, 'plan.json'), '{');
  expect(await refusalOf('verify', original, small)).toMatch(/plan\.json": expected/);
  rmSync(join(small, 'plan.json'));
  expect(await refusalOf('verify', original, small)).toMatch(/plan\.json": expected .*, got no such file/);
});

test('nothing is left behind', async () => {
  const [original, small] = await cut('residual');
  const before = tf.memory().numTensors;
  await run('verify', original, small);
  await refusalOf('verify', await savedNet('sequential'), small);
  expect(tf.memory().numTensors).toBe(before);
});
