/** Folders of model files for the specs: made anew, and read back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';

const made: string[] = [];

export function newFolder(): string {
  made.push(mkdtempSync(join(tmpdir(), 'tfjs-prune-')));
  return made[made.length - 1];
}

export function removeFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Every file of `folder` by name, as hex, so that a difference is one. */
export function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map(name => [name, readFileSync(join(folder, name)).toString('hex')]),
  );
}

export interface ModelJson {
  format?: unknown;
  modelTopology: Record<string, unknown>;
  weightsManifest: { paths: string[]; weights: Record<string, unknown>[] }[];
}

/** Rewrites the model.json of `folder` after `change`. */
export function editModelJson(folder: string, change: (json: ModelJson) => unknown): void {
  const file = join(folder, 'model.json');
  const json = JSON.parse(readFileSync(file, 'utf8')) as ModelJson;
  writeFileSync(file, JSON.stringify(change(json) ?? json));
}

export function shardPaths(folder: string): string[] {
  const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as ModelJson;
  return json.weightsManifest.flatMap(({ paths }) => paths.map(path => join(folder, path)));
}

/** As a user's program does: stock tf.js on the bytes of the folder, nothing of ours. */
export async function plainLoad(folder: string): Promise<layers.LayersModel> {
  const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as ModelJson;
  const data = new Uint8Array(Buffer.concat(shardPaths(folder).map(path => readFileSync(path))));
  const weightSpecs = json.weightsManifest.flatMap(({ weights }) => weights) as unknown as tf.io.WeightsManifestEntry[];
  return layers.loadLayersModel(
    tf.io.fromMemory({ modelTopology: json.modelTopology, weightSpecs, weightData: data.buffer }),
  );
}
