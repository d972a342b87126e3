/** Repair without training: layers that lost inputs are fitted anew, so that they give what they gave before the cut. */
import { checkKeyword, checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import { unkept, type Context, type Need, type ObserveOptions, type RemovedStep } from '../core/context';
import { composeSteps } from '../edit/plan';
import { readersToRepair, repairReader, unfolded, type Repair } from '../edit/refit';
import { PruneError } from '../core/errors';
import type { Method } from './method';

export interface RepairOptions extends ObserveOptions {
  /** mean: only biases move, by what is missing on average. leastSquares: the kernels of what is left are fitted anew. */
  readonly kind?: Repair['kind'];
  /** A layer without a bias gains one where nothing behind it can take what is missing; `restore` takes it off. Default: false. */
  readonly addBias?: boolean;
  /** Places (of an image, a text) that leastSquares looks at per example, drawn by the seed; default: 16. mean looks at all. */
  readonly places?: number;
  /** How hard the weights are held where they were, as a fraction of the mean variance of what a kernel reads; default: 1e-3. */
  readonly ridge?: number;
}

/**
 * Runs `method`, which removes units, and repairs what it left, layer by layer from the input on: each layer that lost
 * inputs is fitted to give, on training data and with the inputs it has now, what it gave before. No labels, no
 * gradients.
 * Papers: He, Zhang, Sun 2017, 1707.06168, the reconstruction step (least squares; also ThiNet, 1707.06342); An et al. 2023, FLAP,
 * 2312.11983 (mean).
 * Differs: the bias is fitted too; a ridge holds the weights where they were; mean measures what is missing at the
 * layer's output and with the inputs it has now, and so makes good what earlier layers still get wrong.
 * @throws PruneError `bad-option`, also when run for a `method` that removes blocks or turns streams; `aborted`, and what `method` throws.
 */
export function repair<N extends Need = never>(method: Method<N>, options: RepairOptions = {}): Method<N | 'data'> {
  const { kind = 'leastSquares', addBias = false, places = 16, ridge = 1e-3, batches = 16, batchSize = 64 } = options;
  checkKeyword('repair', 'kind', kind, ['mean', 'leastSquares']);
  checkNumber('repair', 'places', places, { least: 1, integer: true });
  checkNumber('repair', 'ridge', ridge, { least: 0 });
  checkNumber('repair', 'batches', batches, { least: 1, integer: true });
  checkNumber('repair', 'batchSize', batchSize, { least: 1, integer: true });
  return {
    name: `${method.name} -> repair(${kind})`,
    paper: method.paper,
    needs: [...new Set([...method.needs, 'data' as const])],
    settings: { method: method.settings, options },
    async run(model, context) {
      const steps: RemovedStep[] = [];
      const removed: typeof context.removed = (...told) => {
        steps.push(told[0]);
        context.removed(...told);
      };
      const mark: typeof context.mark = () => {
        const [back, { length }] = [context.mark(), steps];
        return undone => {
          steps.length = length;
          back(undone);
        };
      };
      const cut = await method.run(model, { ...context, removed, mark, step: unkept });
      const how = { kind, addBias, places, ridge, observe: { batches, batchSize } };
      const repaired = await repairAll(model, cut, steps, how, context);
      await context.stage('repaired', repaired);
      return repaired;
    },
  };
}

async function repairAll(
  before: Checkpoint,
  cut: Checkpoint,
  steps: readonly RemovedStep[],
  { observe, ...how }: Omit<Repair, 'seed'> & { readonly observe: ObserveOptions },
  { data, seed, log, progress }: Context<'data'>,
): Promise<Checkpoint> {
  if (steps.some(({ blocks, turned }) => blocks || turned)) throw noBlocks();
  const { sites } = composeSteps(steps);
  const readers = readersToRepair(before, cut, sites);
  let current = unfolded(before, cut, sites);
  for (const [done, reader] of readers.entries()) {
    const { model, reason } = await repairReader(before, current, reader, { ...how, seed }, (watched, see) =>
      data.observe(watched, see, observe),
    );
    if (reason !== undefined) log(`${reader.layer} was not repaired: ${reason}`);
    current = model;
    progress({ stage: 'repair', done: done + 1, total: readers.length, detail: reader.layer });
  }
  return current;
}

function noBlocks(): PruneError {
  return new PruneError('bad-option', {
    place: 'repair',
    expected: 'a method that removes units only',
    got: 'one that removes blocks or turns streams',
    cure: 'Repair the cut alone: chain(repair(prune(...)), layerDrop(...)).',
  });
}
