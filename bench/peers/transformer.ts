/**
 * A peer that times a transformer of random weights and what a cut leaves of it, in turns:
 * `tsx bench/peers/transformer.ts BACKEND MODEL CUT ROUNDS`. It answers with one line.
 */
import { chain, compress, materialize } from '../../lib';
import { CUTS } from '../zoo/cuts';
import { transformer, type TransformerName } from '../zoo/transformers';
import { startBackend, type BenchBackend } from './backend';
import { inTurns } from './inTurns';
import type { LatencyAnswer } from './latency';

async function main(): Promise<void> {
  const [backend, name, cut, rounds] = process.argv.slice(2);
  const { description } = await startBackend(backend as BenchBackend);
  const dense = materialize(await transformer(name as TransformerName));
  const { model: small, report } = await compress(dense, chain(...CUTS[cut]), { latency: false });
  const batch = Number(process.env.BATCH ?? 1);
  const times = await inTurns([dense, small], { batch, rounds: Number(rounds) });
  const answer: LatencyAnswer = { description, macs: [report.before.macs!, report.after.macs!], ...times };
  console.log(JSON.stringify(answer));
}

void main();
