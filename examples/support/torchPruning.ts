/** The peer of the pipelines: torch-pruning on the same dense weights, data and epochs. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Notebook } from './notebook';
import type { Setting } from './tasks';

const importances = ['l1', 'group norm', 'taylor'];
export const peerRows = ['cut', 'one cut'].flatMap(when => importances.map(name => `torch-pruning, ${name}, ${when}`));

interface Race {
  readonly setting: Setting;
  readonly factors: readonly number[];
  readonly epochs: number;
  readonly results: Notebook;
}

/** Runs it on the Python at `command`, and notes what it answers. */
export async function runPeer(command: string, { setting, factors, epochs, results }: Race): Promise<void> {
  const { seed, task, data, folder } = setting;
  const key = (name: string): string => `seed ${seed}, ${name}`;
  const wanted = factors.flatMap(factor => peerRows.map(row => key(`${factor}x, ${row}`)));
  if (wanted.every(name => results.has(name))) return;
  const { batchSize, learningRate } = task.fineTune;
  const job = {
    dense: resolve(folder, `dense-${seed}`),
    shapes: { train: data.train.inputs.shape, test: data.test.inputs.shape },
    factors,
    epochs,
    batchSize,
    learningRate,
    seed,
  };
  const shared = mkdtempSync(join(tmpdir(), 'torch-pruning-'));
  try {
    writeFileSync(join(shared, 'job.json'), JSON.stringify(job));
    for (const split of ['train', 'test'] as const) {
      for (const part of ['inputs', 'targets'] as const) {
        const { buffer, byteOffset, byteLength } = data[split][part].data;
        writeFileSync(join(shared, `${split}.${part}`), new Uint8Array(buffer, byteOffset, byteLength));
      }
    }
    await listen(command, shared, (name, accuracy) => {
      const known = name === 'dense' ? 'torch-pruning, dense' : name;
      results.note(key(known), accuracy);
    });
  } finally {
    rmSync(shared, { recursive: true, force: true });
  }
}

async function listen(command: string, folder: string, hear: (name: string, accuracy: number) => void): Promise<void> {
  const child = spawn(command, [join(__dirname, 'torchPruning.py'), folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((done, fail) => child.on('close', done).on('error', fail));
  for await (const line of createInterface({ input: child.stdout })) {
    const { name, accuracy } = JSON.parse(line) as { name: string; accuracy: number };
    hear(name, accuracy);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`torchPruning.py ended with ${code}`);
}
