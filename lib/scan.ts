/** Measurements in public: what groups matter, and what their widths cost; the model stays as it is. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Scored } from './budgets';
import type { DataFor, RunSettings } from './compress';
import type { Need } from './core/context';
import type { Sensitivity } from './core/sensitivity';
import type { WidthTable } from './core/widths';
import { lookAt } from './lookAt';
import type { PruneOptions } from './methods';
import { score } from './methods/prune';
import { scanSensitivity, scanWidths, type ScanOptions, type WidthOptions } from './methods/scan';
import type { Data } from './runtime/data';

/** Who scores, and what. */
export type ImportanceOptions<N extends Need = never> = Pick<PruneOptions<N>, 'criterion' | 'groups' | 'protect'> &
  RunSettings &
  DataFor<N>;

/**
 * What the criterion makes of every unit of every group that can be pruned, as `prune` would tell its budget: for `plotImportance`.
 * @throws PruneError as `prune` does.
 */
export async function importance<N extends Need = never>(
  model: LayersModel,
  options: ImportanceOptions<N>,
): Promise<readonly Scored[]> {
  const { original, context } = await lookAt(model, options);
  return (await score(original, options, context)).scored;
}

/** What to cut and on which examples to look; the validation split counts, else the training split. */
export type SensitivityOptions<N extends Need> = ScanOptions<N> & RunSettings & { readonly data: Data };

/**
 * What the model loses when one group alone loses units, for every group and ratio: JSON, for `formatSensitivity`,
 * `plotSensitivity` and `bySensitivity`. The same seed gives the same numbers.
 * Paper: Li et al. 2017, 1608.08710, section 3.2.
 * @throws PruneError `bad-ratio`, `bad-option`, `bad-data`, `no-rule`, `no-groups`, `aborted`.
 */
export async function sensitivity<N extends Need = never>(
  model: LayersModel,
  options: SensitivityOptions<N>,
): Promise<Sensitivity> {
  const { original, context } = await lookAt(model, options);
  return scanSensitivity<N>(original, options, context);
}

/**
 * How long the layers of each group take by its width, on the current backend: JSON, for `formatWidths`, `plotWidths` and
 * `plateaus`.
 * @throws PruneError `bad-option`, `no-rule`, `aborted`.
 */
export async function measureWidths(
  model: LayersModel,
  options: WidthOptions & Omit<RunSettings, 'seed'> = {},
): Promise<WidthTable> {
  const { original, context } = await lookAt(model, options);
  return scanWidths(original, options, context);
}
