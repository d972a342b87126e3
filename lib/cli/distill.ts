/** `tfjs-prune distill`: training of a saved model on the answers of another. */
import { chain, distill, recalibrate } from '../methods';
import type { Command } from './command';
import { compressFile, OUT, RESUME, RUN, TRAINING_DATA } from './compressFile';
import { readCheckpoint } from './model';
import { TRAINING, trainingFrom } from './training';

export const distillCommand: Command = {
  name: 'distill',
  summary: 'a saved model trained on what another says, such as the one it was cut from',
  operands: ['MODEL', 'TEACHER'],
  options: {
    ...OUT,
    ...TRAINING_DATA,
    weight: { value: 'W', help: 'of what the teacher says, in [0, 1], against the labels; default 0.7' },
    temperature: { value: 'T', help: 'divides both logits, so that small probabilities count more; default 3' },
    ...TRAINING,
    ...RESUME,
    ...RUN,
  },
  help: {
    about: 'Measures the statistics of batch normalizations anew, then trains. Keeps the weights of the last epoch.',
    example: 'tfjs-prune distill out/slim models/digits --data digits.csv.gz --epochs 5 --out out/tuned',
  },
  async run(given, streams) {
    const training = trainingFrom(given);
    const [weight, temperature] = [given.number('weight') ?? 0.7, given.number('temperature') ?? 3];
    const teacher = await readCheckpoint(given.paths[1], given);
    const learning = distill({ ...training, teacher, weight, temperature });
    const method = chain<'data' | 'training'>(recalibrate(), learning);
    return compressFile(given, streams, { method, settings: { epochs: training.epochs, weight, temperature } });
  },
};
