/** The command in this process, and models on disk to give to it. */
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
