/** The experiments by name. All figures are of the last epoch, not the best. */
import { readDigits, readMnist, take } from './datasets';
import type { Recipe } from './experiment';
import { residualNet, vggNet } from './nets';

export function digitsRecipe(): Recipe {
  const shared = { batchSize: 64, optimizer: 'momentum', restoreBest: false } as const;
  return {
    name: 'digits-residual',
    build: seed => residualNet(8, [32, 64, 128], 1, seed),
    read: readDigits,
    dense: { ...shared, epochs: 12, learningRate: 0.1 },
    slimming: {
      ratio: 0.61,
      steps: 2,
      minimum: 0.28,
      slim: { ...shared, epochs: 10, learningRate: 0.1, l1: 1e-2 },
      fineTune: { ...shared, epochs: 30, learningRate: 0.05, fraction: 0.5 },
    },
  };
}

/** On 40,000 of the training images, so that a laptop does a seed in a quarter of an hour. */
export function mnistRecipes(directory: string): readonly Recipe[] {
  const read = (seed: number) => {
    const splits = readMnist(directory, seed);
    return { ...splits, train: take(splits.train, 40000), validation: take(splits.validation, 2000) };
  };
  const shared = { batchSize: 64, optimizer: 'momentum', restoreBest: false } as const;
  const recipe = {
    read,
    dense: { ...shared, epochs: 3, learningRate: 0.1 },
    slimming: {
      ratio: 0.46,
      minimum: 0.45,
      slim: { ...shared, epochs: 1, learningRate: 0.05, l1: 4e-3 },
      fineTune: { ...shared, epochs: 6, learningRate: 0.05, fraction: 0.5 },
    },
  };
  return [
    { ...recipe, name: 'mnist-vgg', build: seed => vggNet(28, [24, 48, 96], seed, 2) },
    { ...recipe, name: 'mnist-residual', build: seed => residualNet(28, [16, 32, 64], 1, seed, 2) },
  ];
}
