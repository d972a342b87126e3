/** The command in this process or one of its own, and models on disk to give to it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { main } from '../../lib/cli/main';
import { saveLayersModel } from '../../lib/runtime/files';
import { newFolder } from '../io/folder';
import { NETS } from '../zoo/nets';

export interface Ran {
  readonly code: number;
  readonly out: readonly string[];
  readonly error: readonly string[];
  /** What a terminal would have shown on the way. */
  readonly shown: readonly string[];
}

export function run(...args: readonly string[]): Promise<Ran> {
  return runWatched(() => {}, ...args);
}

/** The same; `see` is told what a terminal would show. */
export async function runWatched(see: (text: string) => void, ...args: readonly string[]): Promise<Ran> {
  const [out, error, shown]: string[][] = [[], [], []];
  const code = await main(args, {
    out: text => out.push(text),
    error: text => error.push(text),
    progress(text) {
      shown.push(text);
      see(text);
    },
  });
  return { code, out, error, shown };
}

/** Carries the command out in a process of its own, for Jest does not find `h5wasm/node`. */
export function runAlone(...args: readonly string[]): void {
  const command = ['--import', pathToFileURL(require.resolve('tsx')).href, join(__dirname, '../../lib/cli/bin.ts')];
  const { status, stderr } = spawnSync(process.execPath, [...command, ...args], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

/** A folder with the net of that name. */
export function savedNet(name: string): Promise<string> {
  return saved(NETS[name]());
}

/** A folder with `model`, which it frees. */
export async function saved(model: LayersModel): Promise<string> {
  const folder = newFolder();
  await saveLayersModel(model, folder);
  model.dispose();
  return folder;
}

/** The one line of a command that refuses, after checking that it is one and that nothing else was said. */
export async function refusalOf(...args: readonly string[]): Promise<string> {
  const { code, out, error } = await run(...args);
  expect({ code, out, lines: error.map(text => text.split('\n').length) }).toEqual({ code: 1, out: [], lines: [1] });
  return error[0];
}
