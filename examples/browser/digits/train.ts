/**
 * Makes the model that comes with the page: a small residual net, trained on the digits but for those that the page keeps apart.
 * `npx tsx examples/browser/digits/train.ts`
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { formatReport, compress, recalibrate, saveLayersModel, train, useBackend } from 'tfjs-prune';
import { residualNet } from '../../support/nets';
import { parseCsv, split } from '../data';

const FILE = join(__dirname, '../../data/digits.csv.gz');

async function main(): Promise<void> {
  await useBackend('wasm');
  const wanted = { shape: [8, 8, 1], classes: 10 };
  const { test, ...data } = split(parseCsv('digits.csv', gunzipSync(readFileSync(FILE)).toString(), wanted), wanted);
  const fresh = residualNet(8, [32, 64], 1, 0);
  const model = await train(fresh, { data, epochs: 30, batchSize: 64, optimizer: 'momentum', learningRate: 0.1 });
  await saveLayersModel(model, __dirname, { quantize: 'float16' });
  const { report } = await compress(model, recalibrate(), { data: { ...data, test }, latency: false });
  console.log(formatReport(report, 'terminal'));
}

void main();
