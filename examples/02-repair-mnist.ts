/**
 * What a cut costs before any training, and what repair without training gives back: accuracy right after pruning,
 * with BatchNormalization statistics measured anew, with missing means made good, and with the layers fitted anew.
 *
 *   npx tsx examples/02-repair-mnist.ts --data DIR               three seeds of a small VGG and a residual net (IDX files)
 *   npx tsx examples/02-repair-mnist.ts --data DIR --net vgg --seeds 1 --ratios 0.5 --criteria magnitude
 */
import { parseArgs } from 'node:util';
import {
  chain,
  compress,
  magnitude,
  prune,
  random,
  recalibrate,
  repair,
  train,
  uniform,
  useBackend,
  type Criterion,
} from 'tfjs-prune';
import { readMnist, take, type ImageSplits } from './support/datasets';
import { residualNet, vggNet } from './support/nets';
import { meanAndSpread, showProgress } from './support/print';
import { start } from './support/start';

const nets = {
  vgg: (seed: number) => vggNet(28, [8, 16, 32], seed),
  residual: (seed: number) => residualNet(28, [16, 32, 64], 1, seed, 2),
} as const;
const criteria: Readonly<Record<string, () => Criterion>> = { magnitude: () => magnitude(), random: () => random() };

/** What a column of the table holds; all that look at data look at the same number of images. */
const ways = ['none', 'recalibrate', 'mean', 'least squares', 'least squares + recalibrate'] as const;
const calibration = { batches: 8, batchSize: 64 };

interface Cut {
  readonly net: string;
  readonly criterion: string;
  readonly ratio: number;
  /** Accuracy in percent by way, seed by seed. */
  readonly accuracy: Map<string, number[]>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: 'data/mnist' },
      net: { type: 'string', default: '' },
      seeds: { type: 'string', default: '3' },
      images: { type: 'string', default: '5000' },
      ratios: { type: 'string', default: '0.3,0.5,0.7' },
      criteria: { type: 'string', default: 'magnitude,random' },
    },
  });
  console.log(`backend: ${(await useBackend('auto')).description}`);
  const cuts: Cut[] = [];
  const dense = new Map<string, number[]>();
  const chosen = Object.entries(nets).filter(([name]) => name.includes(values.net));
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const data = subset(readMnist(values.data, seed), Number(values.images));
    for (const [net, build] of chosen) {
      const start = performance.now();
      const model = await trained(build(seed), data, seed);
      const middle = performance.now();
      for (const criterion of values.criteria.split(',')) {
        for (const ratio of values.ratios.split(',').map(Number)) {
          const result = await measure(model, data, { criterion: criteria[criterion](), ratio, seed });
          const { accuracy } = cutOf(cuts, net, criterion, ratio);
          for (const way of ways) note(accuracy, way, result[way]);
          if (accuracy.get('none')!.length > (dense.get(net)?.length ?? 0)) note(dense, net, result.dense);
        }
      }
      model.dispose();
      const [training, measuring] = [middle - start, performance.now() - middle].map(ms => (ms / 1000).toFixed(0));
      console.log(`${net}, seed ${seed}: ${training} s to train, ${measuring} s to measure`);
    }
  }
  print(cuts, dense);
}

/** The row of the table, begun where there is none. */
function cutOf(cuts: Cut[], net: string, criterion: string, ratio: number): Cut {
  const known = cuts.find(cut => cut.net === net && cut.criterion === criterion && cut.ratio === ratio);
  if (known) return known;
  const cut = { net, criterion, ratio, accuracy: new Map<string, number[]>() };
  cuts.push(cut);
  return cut;
}

function subset(splits: ImageSplits, images: number): ImageSplits {
  const [train, validation, test] = [take(splits.train, images), take(splits.validation, 500), take(splits.test, 2000)];
  return { train, validation, test };
}

async function trained(net: ReturnType<typeof vggNet>, data: ImageSplits, seed: number) {
  const options = { epochs: 3, batchSize: 64, learningRate: 0.1, optimizer: 'momentum', restoreBest: false } as const;
  const model = await train(net, { ...options, label: 'train', data, seed, progress: showProgress });
  net.dispose();
  return model;
}

async function measure(
  model: ReturnType<typeof vggNet>,
  data: ImageSplits,
  { criterion, ratio, seed }: { criterion: Criterion; ratio: number; seed: number },
): Promise<Record<(typeof ways)[number] | 'dense', number>> {
  const cut = prune({ criterion, budget: uniform({ ratio }) });
  const stages = async (method: Parameters<typeof compress<'data'>>[1]): Promise<Map<string, number>> => {
    const { model: small, report } = await compress(model, method, { data, seed, latency: false });
    small.dispose();
    return new Map(report.stages.map(({ name, accuracy = NaN }) => [name, 100 * accuracy]));
  };
  const plain = await stages(chain<'data'>(cut, recalibrate(calibration)));
  const mean = await stages(repair(cut, { kind: 'mean', ...calibration }));
  const fitted = await stages(chain(repair(cut, { kind: 'leastSquares', ...calibration }), recalibrate(calibration)));
  return {
    dense: plain.get('dense')!,
    none: plain.get('pruned')!,
    recalibrate: plain.get('recalibrated')!,
    mean: mean.get('repaired')!,
    'least squares': fitted.get('repaired')!,
    'least squares + recalibrate': fitted.get('recalibrated')!,
  };
}

function note(table: Map<string, number[]>, key: string, value: number): void {
  table.set(key, [...(table.get(key) ?? []), value]);
}

function print(cuts: readonly Cut[], dense: ReadonlyMap<string, readonly number[]>): void {
  const show = (values: readonly number[]): string => {
    const { mean, spread } = meanAndSpread(values);
    return `${mean.toFixed(1)} +- ${spread.toFixed(1)}`;
  };
  for (const [net, values] of dense) console.log(`\n${net}, dense: ${show(values)} %`);
  console.log(`\n| net | criterion | ratio | ${ways.join(' | ')} |\n|${' --- |'.repeat(ways.length + 3)}`);
  for (const { net, criterion, ratio, accuracy } of cuts) {
    console.log(`| ${net} | ${criterion} | ${ratio} | ${ways.map(way => show(accuracy.get(way)!)).join(' | ')} |`);
  }
}

start(main);
