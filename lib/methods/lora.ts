/** Training by corrections of low rank. */
import { withLora, withoutLora, type LoraOptions } from '../edit/lora';
import { checkFit, type FineTuneOptions } from './fineTune';
import type { Method } from './method';

export interface LoraTuneOptions extends Omit<FineTuneOptions, 'distill' | 'carry'>, Omit<LoraOptions, 'seed'> {}

/**
 * Trains corrections of low rank beside the kernels of Dense layers, nothing else, and adds them to the kernels in the end: what a cut model
 * recovers on little data and memory.
 * Paper: Hu et al. 2021, 2106.09685; after pruning as Ma et al. 2023, 2305.11627, section 3.3. Differs: no dropout.
 * @throws PruneError `bad-option`, also when run where no Dense layer is named; `bad-data`, `aborted`.
 */
export function loraTune({ rank, alpha, layers, ...fit }: LoraTuneOptions): Method<'training'> {
  checkFit('loraTune', fit);
  return {
    name: 'loraTune',
    paper: 'Hu 2021, 2106.09685',
    needs: ['training'],
    settings: { rank, alpha, layers, ...fit },
    async run(model, context) {
      const corrected = withLora(model, { rank, alpha, layers, seed: context.seed });
      const tuned = withoutLora(await context.training.fit(corrected, { ...fit, label: 'lora' }));
      await context.stage('fine-tuned', tuned);
      return tuned;
    },
  };
}
