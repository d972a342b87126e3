/**
 * How much faster pruned nets are, at batch 1 (or BATCH), against how much less they compute: by backend, each pair in a process of its own.
 * TensorFlow for Node.js takes part where `npm run test:native` has built it; bench/browser.ts does the same in Chromium.
 * `npx tsx bench/latency.ts [backends and nets]`
 */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { printTable, writeResults } from './harness';
import { headers, rowOf, speedup, type Speedup } from './peers/speedup';
import type { LatencyAnswer } from './peers/latency';
import { startPeer } from './peers/peer';

const ROUNDS = process.env.ROUNDS ?? '11';
const BACKENDS = ['wasm', 'node'];
const NETS = ['resnet50', 'mobilenetV2', 'vgg16'];
const FORMS = ['plain', 'fused'];
/** Of the multiply-accumulates, what may stay. */
const FRACTIONS = [0.9, 0.8, 0.667, 0.5, 0.25];

async function main(): Promise<void> {
  const given = process.argv.slice(2);
  const chosen = (names: string[]): string[] => {
    const some = names.filter(name => given.includes(name));
    return some.length > 0 ? some : names;
  };
  const results: Speedup[] = [];
  for (const backend of chosen(BACKENDS)) {
    if (backend === 'node' && !existsSync('.native/node_modules')) continue;
    for (const net of chosen(NETS)) {
      for (const form of FORMS) {
        for (const fraction of FRACTIONS) results.push(await measure(backend, net, form, fraction));
      }
      console.error(`${net} on ${backend} done`);
    }
  }
  printTable(headers, results.map(rowOf));
  writeResults(['latency', ...given].join('-'), { rounds: Number(ROUNDS), results });
}

async function measure(backend: string, net: string, form: string, fraction: number): Promise<Speedup> {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const args = ['--import', tsx, 'bench/peers/latency.ts', backend, net, form, String(fraction), ROUNDS];
  const peer = await startPeer<LatencyAnswer, never>(process.execPath, args);
  peer.close();
  return speedup({ net, form, ...peer.greeting });
}

void main();
