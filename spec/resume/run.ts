/** A program for kill.spec.ts: prunes a small net in four steps, keeping them in the folder given, and prints what came of it. */
import { readDigits, take } from '../../examples/support/datasets';
import { residualNet } from '../../examples/support/nets';
import { capture, compress, iterative, magnitude, useBackend } from '../../lib';
import { hashOf } from '../../lib/core/hash';

async function main(): Promise<void> {
  const [resume] = process.argv.slice(2);
  await useBackend('wasm', { threads: 1 });
  const { train, validation, test } = readDigits(1);
  const data = { train: take(train, 512), validation, test };
  const model = residualNet(8, [8, 16], 1, 1);
  const tune = { epochs: 2, learningRate: 0.01 };
  const method = iterative({ criterion: magnitude(), ratio: 0.6, steps: 4, fineTune: tune });
  console.log('ready');
  const { model: small, plan, report } = await compress(model, method, { data, seed: 5, latency: false, resume });
  console.log(JSON.stringify({ model: await hashOf(await capture(small)), plan, report }));
}

void main();
