/**
 * Peak memory of `compress` beside the model it is given, in multiples of the model's bytes; each net in a process of its own,
 * because what a process has once held counts for ever. `npx tsx bench/memory.ts [names]`
 */
import { spawnSync } from 'node:child_process';
import { compress, magnitude, prune, uniform, useBackend } from '../lib';
import { printTable, writeResults } from './harness';
import { buildNet } from './zoo';

interface Peak {
  readonly name: string;
  /** Megabytes: of the weights, of the process with the model loaded, and at the peak. */
  readonly model: number;
  readonly loaded: number;
  readonly peak: number;
}

async function main(): Promise<void> {
  const [flag, name] = process.argv.slice(2);
  if (flag === '--one') return console.log(JSON.stringify(await measure(name)));
  const names = flag === undefined ? ['resnet50', 'vgg16'] : process.argv.slice(2);
  const peaks = names.map(inItsOwnProcess);
  printTable(
    ['', 'model MB', 'loaded MB', 'peak MB', 'above, x model'],
    peaks.map(({ name, model, loaded, peak }) => [name, model, loaded, peak, (peak - loaded) / model]),
  );
  writeResults('memory', { peaks });
}

function inItsOwnProcess(name: string): Peak {
  const command = [...process.execArgv, __filename, '--one', name];
  const { stdout } = spawnSync(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  return JSON.parse(stdout) as Peak;
}

async function measure(name: string): Promise<Peak> {
  await useBackend('wasm');
  const net = buildNet(name);
  const model = net.weights.reduce((sum, { shape }) => sum + 4 * shape.reduce<number>((size, n) => size * n!, 1), 0);
  const loaded = process.memoryUsage().rss;
  const { model: small } = await compress(net, prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) }));
  small.dispose();
  const peak = 1024 * process.resourceUsage().maxRSS;
  return { name, model: model / 1e6, loaded: loaded / 1e6, peak: peak / 1e6 };
}

void main();
