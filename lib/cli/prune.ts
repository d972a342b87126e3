/** `tfjs-prune prune`: a smaller model from a saved one, cut but not trained. */
import { cut, prune } from '../methods';
import { readPlanFile } from '../runtime/files';
import { refusal } from './arguments';
import { CHOICES, choiceFrom } from './choices';
import type { Command, Given } from './command';
import { compressFile, DATA, OUT, RUN, type Job } from './compressFile';

export const pruneCommand: Command = {
  name: 'prune',
  summary: 'a smaller model, cut without training, with the plan of the cut',
  operands: ['MODEL'],
  options: {
    ...OUT,
    ...CHOICES,
    plan: { value: 'FILE', help: 'or what the plan.json of `tfjs-prune plan` names, be it edited or not' },
    ...DATA,
    ...RUN,
  },
  help: {
    about: 'Writes a smaller model that plain tf.js loads. Train it a little afterwards: a cut costs accuracy.',
    example: 'tfjs-prune prune models/digits --out out/slim --macs 0.4 --scope global --multiple-of 4',
  },
  async run(given, streams) {
    return compressFile(given, streams, given.has('plan') ? await planned(given) : chosen(given));
  },
};

function chosen(given: Given): Job {
  const { criterion, budget, settings } = choiceFrom(given);
  return { method: prune({ criterion, budget }), settings, provable: true };
}

async function planned(given: Given): Promise<Job> {
  const other = Object.keys(CHOICES).find(given.has);
  if (other !== undefined) throw refusal('--plan alone', `--plan and --${other}`, 'prune');
  const file = given.word('plan')!;
  return { method: cut(await readPlanFile(file)), settings: { plan: file }, provable: true };
}
