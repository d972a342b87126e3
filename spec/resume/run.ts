/** A program for resume.spec.ts: prunes a small net in four steps, keeping them in the folder given, and prints what came of it. */
import { capture, chain, compress, fineTune, global, magnitude, prune, recalibrate, repeat, stepRatio, useBackend } from '../../lib'; // prettier-ignore
import { readDigits, take } from '../../examples/support/datasets';
import { residualNet } from '../../examples/support/nets';
import { hashOf } from '../../lib/core/hash';

async function main(): Promise<void> {
  const [folder] = process.argv.slice(2);
  await useBackend('wasm', { threads: 1 });
  const { train, validation, test } = readDigits(1);
  const data = { train: take(train, 512), validation, test };
  const model = residualNet(8, [8, 16], 1, 1);
  const round = chain<'data' | 'training'>(
    prune({ criterion: magnitude(), budget: global({ ratio: stepRatio(0.6, 4), minimum: 1 }) }),
    recalibrate(),
    fineTune({ epochs: 2, learningRate: 0.01 }),
  );
  console.log('ready');
  const method = repeat(4, () => round);
  const {
    model: small,
    plan,
    report,
  } = await compress(model, method, { data, seed: 5, latency: false, resume: folder });
  console.log(JSON.stringify({ model: await hashOf(await capture(small)), plan, report }));
}

void main();
