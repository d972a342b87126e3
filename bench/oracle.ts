/**
 * How well criteria rank units: Spearman's correlation of their scores with what the loss does when each unit alone is masked, over all units
 * and within groups. Digits by default; MNIST from its four IDX files.
 * `npx tsx bench/oracle.ts [--mnist DIR] [--seeds 3] [--epochs 6] [--net plain]`
 */
import { parseArgs } from 'node:util';
import { readDigits, readMnist, take } from '../examples/support/datasets';
import { meanAndSpread } from '../examples/support/print';
import { fisher, taylor, useBackend } from '../lib';
import { printTable, writeResults } from './harness';
import {
  agreement,
  CRITERIA,
  leaveOneOut,
  settled,
  SMALL_NETS,
  splitsOf,
  trainedNet,
  type Agreement,
} from './zoo/leaveOneOut';

interface Row {
  readonly net: string;
  readonly criterion: string;
  readonly seeds: Agreement[];
}

interface Settling {
  readonly net: string;
  readonly seed: number;
  readonly criterion: string;
  readonly least: number;
  readonly batches: number;
  readonly of: number;
  readonly correlation: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mnist: { type: 'string' },
      seeds: { type: 'string', default: '3' },
      epochs: { type: 'string', default: '6' },
      images: { type: 'string', default: '2000' },
      net: { type: 'string', default: '' },
    },
  });
  const { mnist } = values;
  console.log(`backend: ${(await useBackend('wasm')).description}`);
  const rows: Row[] = [];
  const settlings: Settling[] = [];
  for (const net of Object.keys(SMALL_NETS).filter(name => name.includes(values.net))) {
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      const images = mnist === undefined ? readDigits(seed).train : take(readMnist(mnist, seed).train, Number(values.images)); // prettier-ignore
      const splits = splitsOf(images);
      const start = performance.now();
      const model = await trainedNet(net, splits, seed, Number(values.epochs));
      const oracle = await leaveOneOut(model, splits);
      const rises = oracle.rises.flatMap(own => [...own]);
      const falls = rises.filter(rise => rise < 0).length;
      for (const [name, criterion] of Object.entries(CRITERIA)) {
        const found = await agreement(criterion, model, splits, oracle, seed);
        if (found) note(rows, net, name, found);
      }
      for (const [name, build] of Object.entries({ taylor, fisher })) {
        for (const least of [0.9, 0.95, 0.99]) {
          const { batches, correlation } = await settled(build, model, splits, oracle.groups, { least, batchSize: 16 });
          settlings.push({
            net,
            seed,
            criterion: name,
            least,
            batches,
            of: Math.ceil(images.targets.shape[0] / 16),
            correlation,
          });
        }
      }
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      console.log(`${net}, seed ${seed}: loss ${oracle.loss.toFixed(4)}, accuracy ${(100 * oracle.accuracy).toFixed(1)} %, without one of ${rises.length} units it falls for ${falls}; ${seconds} s`); // prettier-ignore
    }
  }
  print(rows);
  printSettlings(settlings);
  writeResults(mnist === undefined ? 'oracle' : 'oracle-mnist', { rows, settlings });
}

function note(rows: Row[], net: string, criterion: string, found: Agreement): void {
  const known = rows.find(row => row.net === net && row.criterion === criterion);
  if (known) known.seeds.push(found);
  else rows.push({ net, criterion, seeds: [found] });
}

function print(rows: readonly Row[]): void {
  const show = (seeds: readonly Agreement[], key: keyof Agreement): string => {
    const { mean, spread } = meanAndSpread(seeds.map(each => each[key]));
    return `${mean.toFixed(2)} +- ${spread.toFixed(2)}`;
  };
  const keys = ['all', 'within', 'allSize', 'withinSize'] as const;
  console.log();
  printTable(
    ['net, criterion', 'rise, all units', 'rise, within groups', 'size, all units', 'size, within groups'],
    rows.map(({ net, criterion, seeds }) => [`${net}, ${criterion}`, ...keys.map(key => show(seeds, key))]),
  );
}

function printSettlings(settlings: readonly Settling[]): void {
  printTable(
    ['net and seed, criterion', 'stopWhenStable', 'batches of 16', 'of', 'correlation with all'],
    settlings.map(({ net, seed, criterion, least, batches, of, correlation }) => [`${net} ${seed}, ${criterion}`, least, String(batches), String(of), correlation.toFixed(3)]), // prettier-ignore
  );
}

void main();
