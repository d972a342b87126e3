/** `tfjs-prune plan`: what a cut would remove, before anything is cut. */
import { replaceFile } from '../io/atomic';
import { plan } from '../plan';
import { formatPlan } from '../report/planText';
import type { Data } from '../runtime/data';
import { CHOICES, choiceFrom } from './choices';
import type { Command } from './command';
import { DATA, seedFrom, SEED } from './compressFile';
import { labelledFrom } from './labelled';
import { withModelFile } from './model';
import { watched } from './watch';

export const planCommand: Command = {
  name: 'plan',
  summary: 'what a cut would remove, what goes with it and why, and what it saves',
  operands: ['MODEL'],
  options: {
    out: { value: 'FILE', help: 'write the plan as JSON, to be read, edited, and given to `prune --plan`' },
    ...CHOICES,
    ...DATA,
    ...SEED,
  },
  help: {
    about: 'Chooses as `prune` does with the same options, and cuts nothing.',
    example: 'tfjs-prune plan models/digits --macs 0.4 --scope global --out out/plan.json',
  },
  run(given, streams) {
    const { criterion, budget } = choiceFrom(given);
    const [seed, out] = [seedFrom(given), given.word('out')];
    return withModelFile(given.paths[0], given, async model => {
      const data = (await labelledFrom(given, model, seed))?.data as Data; // as in compressFile
      const made = await plan(model, { criterion, budget, seed, data, ...watched(streams) });
      const text = JSON.stringify(made, null, 2);
      if (out !== undefined) await replaceFile(`plan --out "${out}"`, out, new TextEncoder().encode(`${text}\n`));
      if (given.has('json')) return text;
      return [formatPlan(made), ...(out === undefined ? [] : [`written: ${out}`])].join('\n\n');
    });
  },
};
