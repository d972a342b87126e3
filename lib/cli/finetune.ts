/** `tfjs-prune finetune`: training of a saved model, such as one that was cut. */
import { chain, fineTune, recalibrate } from '../methods';
import type { Command } from './command';
import { compressFile, OUT, RESUME, RUN, TRAINING_DATA } from './compressFile';
import { TRAINING, trainingFrom } from './training';

export const finetuneCommand: Command = {
  name: 'finetune',
  summary: 'a saved model trained on, which brings back what a cut cost',
  operands: ['MODEL'],
  options: { ...OUT, ...TRAINING_DATA, ...TRAINING, ...RESUME, ...RUN },
  help: {
    about: 'Measures the statistics of batch normalizations anew, then trains. Keeps the weights of the last epoch.',
    example: 'tfjs-prune finetune out/slim --data digits.csv.gz --epochs 5 --out out/tuned',
  },
  async run(given, streams) {
    const training = trainingFrom(given);
    const method = chain<'data' | 'training'>(recalibrate(), fineTune(training));
    return compressFile(given, streams, { method, settings: { epochs: training.epochs } });
  },
};
