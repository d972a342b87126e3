/**
 * Peak memory of `compress` beside the model it is given, in multiples of the model's bytes; each case in a process of its own,
 * because what a process has once held counts for ever. `npx tsx bench/memory.ts [names]`
 */
import { spawnSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs-core';
import { compress, magnitude, prune, uniform, useBackend } from '../lib';
import { printTable, writeResults } from './harness';
import { buildNet } from './zoo';

const cases = ['compress', 'compress, after a prediction', 'compress without timing', 'one prediction'] as const;
type Case = (typeof cases)[number];

interface Peak {
  readonly name: string;
  readonly what: Case;
  /** Megabytes: of the weights, of the process with the model loaded, and at the peak. */
  readonly model: number;
  readonly loaded: number;
  readonly peak: number;
}

async function main(): Promise<void> {
  const [flag, name, what] = process.argv.slice(2);
  if (flag === '--one') return console.log(JSON.stringify(await measure(name, what as Case)));
  const names = flag === undefined ? ['resnet50', 'vgg16'] : process.argv.slice(2);
  const peaks = names.flatMap(each => cases.map(its => inItsOwnProcess(each, its)));
  printTable(
    ['', '', 'model MB', 'loaded MB', 'peak MB', 'above, x model'],
    peaks.map(peak => [
      peak.name,
      peak.what,
      peak.model,
      peak.loaded,
      peak.peak,
      (peak.peak - peak.loaded) / peak.model,
    ]),
  );
  writeResults('memory', { peaks });
}

function inItsOwnProcess(name: string, what: Case): Peak {
  const command = [...process.execArgv, '--expose-gc', __filename, '--one', name, what];
  const { stdout } = spawnSync(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  return JSON.parse(stdout) as Peak;
}

async function measure(name: string, what: Case): Promise<Peak> {
  await useBackend('wasm');
  const net = buildNet(name);
  const predict = (): void => tf.tidy(() => void net.predict(tf.zeros([1, 224, 224, 3])));
  if (what === 'compress, after a prediction') predict();
  const model = net.weights.reduce((sum, { shape }) => sum + 4 * shape.reduce<number>((size, n) => size * n!, 1), 0);
  globalThis.gc!(); // what making the model left behind is not part of it
  const loaded = process.memoryUsage().rss;
  if (what === 'one prediction') predict();
  else {
    const method = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) });
    const { model: small } = await compress(net, method, what === 'compress without timing' ? { latency: false } : {});
    small.dispose();
  }
  const peak = 1024 * process.resourceUsage().maxRSS;
  return { name, what, model: model / 1e6, loaded: loaded / 1e6, peak: peak / 1e6 };
}

void main();
