/**
 * How much faster transformers are without some of their heads, neurons, dimensions or layers: BERT-base and a Llama of 135 million
 * parameters with random weights, 128 tokens at batch 1 (or BATCH), each pair in a process of its own. TensorFlow for Node.js takes part
 * where `npm run test:native` has built it. `npx tsx bench/transformers.ts [backends, models, cuts]`
 */
import { chosen, printTable, writeResults } from './harness';
import { isSetUp, variablesOf } from './peers/backend';
import type { LatencyAnswer } from './peers/latency';
import { startScript } from './peers/peer';
import { headers, rowOf, speedup, type Speedup } from './peers/speedup';
import { CUTS } from './zoo/cuts';
import { TRANSFORMERS } from './zoo/transformers';

const ROUNDS = process.env.ROUNDS ?? '11';
const BACKENDS = ['wasm', 'node'] as const;

async function main(): Promise<void> {
  const results: Speedup[] = [];
  for (const backend of chosen(BACKENDS).filter(isSetUp)) {
    for (const net of chosen(TRANSFORMERS)) {
      for (const form of chosen(Object.keys(CUTS))) {
        const args = [backend, net, form, ROUNDS];
        const peer = await startScript<LatencyAnswer, never>('transformer.ts', args, variablesOf(backend));
        peer.close();
        results.push(speedup({ net, form, ...peer.greeting }));
        console.error(`${net}, ${form}, on ${backend} done`);
      }
    }
  }
  printTable(headers, results.map(rowOf));
  writeResults(['transformers', ...process.argv.slice(2)].join('-'), { rounds: Number(ROUNDS), results });
}

void main();
