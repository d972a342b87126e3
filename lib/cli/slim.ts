/** `tfjs-prune slim`: Network Slimming on a saved model. */
import { networkSlimming, slim } from '../methods';
import type { Command, Given } from './command';
import { compressFile, OUT, RESUME, RUN, TRAINING_DATA, type Job } from './compressFile';
import { refusal } from './arguments';
import { TRAINING, trainingFrom } from './training';

/** Only with --ratio. */
const CUTTING = {
  'tune-epochs': { value: 'N', help: 'training after each cut; default: as many as before it' },
  steps: { value: 'N', help: 'cuts on the way, each with its training; default 1' },
  minimum: { value: 'M', help: 'least channels a group keeps; below 1 a fraction of the group; default 1' },
  'multiple-of': { value: 'N', help: 'round the channels that a group keeps to a multiple of N; default 1' },
} as const;

export const slimCommand: Command = {
  name: 'slim',
  summary: 'training that drives channels to zero, and with --ratio the cut and training after it',
  operands: ['MODEL'],
  options: {
    ...OUT,
    ...TRAINING_DATA,
    l1: { value: 'S', help: 'strength of the penalty on the gammas of batch normalizations; default 0.001' },
    ratio: { value: 'R', help: 'then remove this fraction of all channels, in [0, 1), and train on' },
    ...CUTTING,
    ...TRAINING,
    ...RESUME,
    ...RUN,
  },
  help: {
    about:
      'Network Slimming (Liu et al. 2017). Without --ratio the model keeps its size: look at its gammas,\n' +
      'then go on with `prune --criterion gamma --scope global` and `finetune`.',
    example: 'tfjs-prune slim models/digits --data digits.csv.gz --ratio 0.5 --l1 0.01 --out out/slim',
  },
  async run(given, streams) {
    return compressFile(given, streams, given.has('ratio') ? cutting(given) : trainingOnly(given));
  },
};

function cutting(given: Given): Job {
  const { number } = given;
  const training = trainingFrom(given);
  const l1 = number('l1') ?? 0.001;
  const ratio = number('ratio')!;
  const [steps, tuneEpochs] = [number('steps') ?? 1, number('tune-epochs') ?? training.epochs];
  const [minimum, multipleOf] = [number('minimum') ?? 1, number('multiple-of') ?? 1];
  const fineTune = { ...training, epochs: tuneEpochs };
  const method = networkSlimming({ ratio, slim: { ...training, l1 }, fineTune, steps, minimum, multipleOf });
  const { epochs } = training;
  return {
    method,
    settings: { ratio, l1, epochs, 'tune-epochs': tuneEpochs, steps, minimum, 'multiple-of': multipleOf },
  };
}

function trainingOnly(given: Given): Job {
  const other = Object.keys(CUTTING).find(given.has);
  if (other !== undefined) throw refusal(`--ratio with --${other}`, 'none', 'slim');
  const training = trainingFrom(given);
  const l1 = given.number('l1') ?? 0.001;
  return { method: slim({ ...training, l1 }), settings: { l1, epochs: training.epochs } };
}
