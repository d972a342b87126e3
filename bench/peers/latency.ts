/**
 * A peer that times a net of the zoo and what `prune` leaves of it, in turns: `tsx bench/peers/latency.ts BACKEND NET FORM SHARE ROUNDS`.
 * FORM is plain for the layers as they are, fused for `fuseLayers` of both; SHARE is `macs=` the fraction of the
 * multiply-accumulates that may stay, or `units=` the fraction of every group that goes. It answers with one line.
 */
import { fuseLayers, materialize } from '../../lib';
import { pairOf, shareFrom } from '../zoo/narrowed';
import { startBackend, type BenchBackend } from './backend';
import { inTurns } from './inTurns';

export interface LatencyAnswer {
  readonly description: string;
  /** Multiply-accumulates of the net and of the smaller one. */
  readonly macs: readonly [number, number];
  /** Milliseconds, round by round. */
  readonly dense: readonly number[];
  readonly small: readonly number[];
}

async function main(): Promise<void> {
  const [backend, net, form, share, rounds] = process.argv.slice(2);
  const { description } = await startBackend(backend as BenchBackend);
  const pair = await pairOf(net, shareFrom(share));
  const models = pair.models.map(model => materialize(form === 'fused' ? fuseLayers(model) : model));
  const batch = Number(process.env.BATCH ?? 1);
  const times = await inTurns(models, { batch, rounds: Number(rounds), atLeast: 4000 });
  const answer: LatencyAnswer = { description, macs: pair.macs, ...times };
  console.log(JSON.stringify(answer));
}

void main();
