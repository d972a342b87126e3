/** The experiments by name. */
import { readDigits, readMnist, take } from './datasets';
import type { Recipe } from './experiment';
import { residualNet, vggNet } from './nets';

export function digitsRecipe(): Recipe {
  const shared = { batchSize: 64, optimizer: 'momentum' } as const;
  return {
    name: 'digits-residual',
    build: seed => residualNet(8, [32, 64, 128], 1, seed),
    read: readDigits,
    dense: { ...shared, epochs: 12, learningRate: 0.1 },
    slimming: {
      ratio: 0.61,
      minimum: 0.33,
      slim: { ...shared, epochs: 15, learningRate: 0.1, l1: 1e-2 },
      fineTune: { ...shared, epochs: 50, learningRate: 0.05, fraction: 0.5 },
    },
  };
}

export function mnistRecipes(directory: string): readonly Recipe[] {
  const read = (seed: number) => {
    const splits = readMnist(directory, seed);
    return { ...splits, train: take(splits.train, 20000), validation: take(splits.validation, 2000) };
  };
  const shared = {
    read,
    dense: { epochs: 3, batchSize: 128, learningRate: 0.05, optimizer: 'momentum' },
    slimming: {
      ratio: 0.5,
      minimum: 0.1,
      slim: { epochs: 3, batchSize: 128, learningRate: 0.05, optimizer: 'momentum', l1: 1e-3 },
      fineTune: { epochs: 3, batchSize: 128, learningRate: 0.02, optimizer: 'momentum', fraction: 0.5 },
    },
  } as const;
  return [
    { ...shared, name: 'mnist-vgg', build: seed => vggNet(28, [16, 32, 64], seed) },
    { ...shared, name: 'mnist-residual', build: seed => residualNet(28, [16, 32, 64], 1, seed) },
  ];
}
