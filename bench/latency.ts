/**
 * How much faster pruned nets are, at batch 1 (or BATCH), against how much less they compute: by backend, each pair in a process of its own.
 * TensorFlow for Node.js takes part where `npm run test:native` has built it; bench/browser.ts does the same in Chromium.
 * `npx tsx bench/latency.ts [backends, nets, plain or fused]`; FRACTIONS=0.5,0.125 of the multiply-accumulates that may stay, RATIOS=0.3,0.5 of
 * the units of every group that go.
 */
import { chosen, printTable, writeResults } from './harness';
import { isSetUp, variablesOf, type BenchBackend } from './peers/backend';
import { headers, rowOf, speedup, type Speedup } from './peers/speedup';
import type { LatencyAnswer } from './peers/latency';
import { startScript } from './peers/peer';

const ROUNDS = process.env.ROUNDS ?? '11';
const BACKENDS = ['wasm', 'node'] as const;
const NETS = ['resnet50', 'mobilenetV2', 'vgg16'];
const FORMS = ['plain', 'fused'];
const SHARES = [...listed('FRACTIONS', 'macs'), ...listed('RATIOS', 'units')];

async function main(): Promise<void> {
  const results: (Speedup & { readonly share: string })[] = [];
  for (const backend of chosen(BACKENDS)) {
    if (!isSetUp(backend)) continue;
    for (const net of chosen(NETS)) {
      for (const form of chosen(FORMS)) {
        for (const share of SHARES) results.push({ share, ...(await measure(backend, net, form, share)) });
      }
      console.error(`${net} on ${backend} done`);
    }
  }
  printTable(
    ['share', ...headers],
    results.map(result => [result.share, ...rowOf(result)]),
  );
  writeResults(['latency', ...process.argv.slice(2)].join('-'), { rounds: Number(ROUNDS), results });
}

/** The values of an environment variable as shares; without any of the two variables, the usual fractions. */
function listed(variable: string, measure: string): string[] {
  const { FRACTIONS, RATIOS } = process.env;
  const usual = variable === 'FRACTIONS' && RATIOS === undefined ? '0.9,0.8,0.667,0.5,0.25' : '';
  const values = (variable === 'FRACTIONS' ? FRACTIONS : RATIOS) ?? usual;
  return values
    .split(',')
    .filter(Boolean)
    .map(value => `${measure}=${value}`);
}

async function measure(backend: BenchBackend, net: string, form: string, share: string): Promise<Speedup> {
  const args = [backend, net, form, share, ROUNDS];
  const peer = await startScript<LatencyAnswer, never>('latency.ts', args, variablesOf(backend));
  peer.close();
  return speedup({ net, form, ...peer.greeting });
}

void main();
