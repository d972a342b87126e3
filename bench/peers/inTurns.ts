/** Times models in turns; runs in a browser too. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';

const WARM_UP = 3;

export interface Turns {
  readonly batch?: number;
  readonly rounds: number;
  /** Milliseconds: short passes get more rounds. */
  readonly atLeast?: number;
}

/** Milliseconds of `predict` on one batch of random images or of texts, model by model and round by round; they swap who goes first. */
export async function inTurns(
  [dense, small]: readonly LayersModel[],
  { batch = 1, rounds, atLeast = 0 }: Turns,
): Promise<{ readonly dense: number[]; readonly small: number[] }> {
  const inputs = dense.inputs.map(({ shape, dtype }) => {
    const sizes = [batch, ...(shape.slice(1) as number[])];
    return dtype === 'int32' ? tf.ones(sizes, 'int32') : tf.randomUniform(sizes, 0, 1, 'float32', 0);
  });
  const times = { dense: [] as number[], small: [] as number[] };
  const both = [[dense, times.dense] as const, [small, times.small] as const];
  const start = performance.now();
  for (let round = -WARM_UP; round < rounds || (performance.now() - start < atLeast && round < 60); round++) {
    for (const [model, own] of round % 2 === 0 ? both : [...both].reverse()) {
      const begin = performance.now();
      const output = model.predict(inputs) as tf.Tensor;
      await output.data();
      if (round >= 0) own.push(performance.now() - begin);
      output.dispose();
    }
  }
  return times;
}
