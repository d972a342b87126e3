/**
 * A peer that times a net of the zoo and what `prune` leaves of it, in turns: `tsx bench/peers/latency.ts BACKEND NET FORM MACS ROUNDS`.
 * FORM is plain for the layers as they are, fused for `fuseLayers` of both; MACS the fraction of the multiply-accumulates that may stay.
 * It answers with one line.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { fuseLayers, materialize, useBackend } from '../../lib';
import { pairOf } from '../zoo/narrowed';

export interface LatencyAnswer {
  readonly description: string;
  /** Multiply-accumulates of the net and of the smaller one. */
  readonly macs: readonly [number, number];
  /** Milliseconds, round by round. */
  readonly dense: readonly number[];
  readonly small: readonly number[];
}

const BATCH = Number(process.env.BATCH ?? 1);
const WARM_UP = 3;
/** Milliseconds: short passes get more rounds. */
const AT_LEAST = 4000;
const native = join(__dirname, '../../.native/package.json');

async function main(): Promise<void> {
  const [backend, net, form, macs, rounds] = process.argv.slice(2);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // Registers itself with every copy of tf.js in the process; useBackend finds it registered.
  if (backend === 'node' && existsSync(native)) createRequire(native)('@tensorflow/tfjs-node');
  const { description } = await useBackend(backend as 'wasm', { log: () => {} });
  const pair = await pairOf(net, Number(macs));
  const models = pair.models.map(model => materialize(form === 'fused' ? fuseLayers(model) : model));
  const image = tf.randomUniform([BATCH, ...(models[0].inputs[0].shape.slice(1) as number[])], 0, 1, 'float32', 0);
  const times: [number[], number[]] = [[], []];
  const start = performance.now();
  for (let round = -WARM_UP; round < Number(rounds) || (performance.now() - start < AT_LEAST && round < 60); round++) {
    // They swap who goes first.
    for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const begin = performance.now();
      const output = models[i].predict(image) as tf.Tensor;
      await output.data();
      if (round >= 0) times[i].push(performance.now() - begin);
      output.dispose();
    }
  }
  const answer: LatencyAnswer = { description, macs: pair.macs, dense: times[0], small: times[1] };
  console.log(JSON.stringify(answer));
}

void main();
