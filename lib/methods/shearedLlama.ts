/** Shearing to a given shape: masks learnt with the weights, then cut, then trained on. */
import { perGroup } from '../budgets';
import { checkNumber } from '../core/check';
import type { Checkpoint } from '../core/checkpoint';
import type { Context, DynamicLoading, ShearMask } from '../core/context';
import { PruneError } from '../core/errors';
import type { BlockCriterion, Criterion } from '../criteria';
import { blocks, type Block } from '../graph/blocks';
import { gatesOf } from '../graph/gates';
import { groupsOf, type Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { checkFit, fineTune, type FineTuneOptions } from './fineTune';
import { layerDrop } from './layerDrop';
import { chain, type Method } from './method';
import { prune } from './prune';

/** How many of each stay; what is not named stays whole. */
export interface ShearTarget {
  /** Residual blocks. */
  readonly layers?: number;
  /** By the kind of unit, how many each group keeps: heads (with shared keys, groups of heads), neurons, dimensions. */
  readonly units?: Readonly<Record<string, number>>;
}

export interface ShearDomains {
  /** Of each training and of each validation example, the name of its domain. */
  readonly train: readonly string[];
  readonly validation: readonly string[];
  /** By name, the mean loss to be reached; default: that of the model that the run began with. */
  readonly reference?: Readonly<Record<string, number>>;
  /** By name, shares in the batches at first; default: of the training examples. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Steps between two looks at the validation examples; default: 50. */
  readonly every?: number;
  /** Whether a domain below its reference counts as one at it, as in the paper; its code does without. Default: true. */
  readonly clip?: boolean;
}

export interface ShearedLlamaOptions {
  readonly target: ShearTarget;
  /** Steps in which masks are learnt. */
  readonly steps: number;
  /** Share of the steps over which the target comes into force; default: 0.2. */
  readonly warmup?: number;
  /** Default: 16. */
  readonly batchSize?: number;
  /** Of the weights while masks are learnt; default: 1e-4. */
  readonly learningRate?: number;
  /** Of masks and multipliers; default: 1, as the paper's code has it. */
  readonly maskRate?: number;
  /** Named domains in the data, more of which is drawn where more was lost, while shearing and while training on; default: none. */
  readonly domains?: ShearDomains;
  /** Training on after the cut; default: none. */
  readonly fineTune?: Omit<FineTuneOptions, 'loading'>;
}

/**
 * Cuts a model to exactly the shape asked for, by masks on layers, heads, neurons and dimensions that are trained with the weights under a
 * constraint, and trains on with batches from the domains that lost most.
 * Paper: Xia et al. 2023, Sheared LLaMA, 2310.06694.
 * Differs: the highest locations stay, exactly as many as asked for, and count fully from then on, so that the cut is the masked model to the
 * last bit; keys and values go with their group of heads; norms keep the divisor of the first width; references default to the losses of the
 * model that the run began with.
 * @throws PruneError `bad-option`, also when run for kinds or counts that the model does not have; `bad-data`, `not-exact`, `aborted`.
 */
export function shearedLlama(options: ShearedLlamaOptions): Method<'data' | 'training'> {
  const { steps, warmup = 0.2, batchSize = 16, learningRate = 1e-4, maskRate = 1, fineTune: after } = options;
  checkNumber('shearedLlama', 'steps', steps, { least: 1, integer: true });
  checkNumber('shearedLlama', 'warmup', warmup, { least: 0, most: 1 });
  checkNumber('shearedLlama', 'batchSize', batchSize, { least: 1, integer: true });
  checkNumber('shearedLlama', 'learningRate', learningRate, { above: 0 });
  checkNumber('shearedLlama', 'maskRate', maskRate, { above: 0 });
  if (after) checkFit('shearedLlama', after); // long before it is needed
  return {
    name: 'shearedLlama',
    paper: 'Xia 2023, 2310.06694',
    needs: ['data', 'training'],
    settings: options,
    async run(model, context) {
      const shape = shapeOf(model, options.target);
      const loading = options.domains && (await loadingOf(options.domains, context));
      const how = { label: 'shear', steps, warmup, batchSize, learningRate, maskRate, loading };
      const { model: sheared, scores } = await context.training.shear(model, { ...how, masks: shape.masks });
      const rest = after ? [fineTune({ ...after, loading })] : [];
      return chain<'data' | 'training'>(...cuts(shape, scores, options.target), ...rest).run(sheared, context);
    },
  };
}

/** What is masked: groups of units, and blocks, which come last. */
interface Shape {
  readonly groups: readonly Group[];
  readonly blocks: readonly Block[];
  readonly masks: readonly ShearMask[];
}

function shapeOf(model: Checkpoint, { layers, units = {} }: ShearTarget): Shape {
  const traced = trace(model);
  const all = groupsOf(traced).filter(({ frozen }) => frozen === undefined);
  const found = Object.entries(units).flatMap(([kind, keep]) => {
    const own = all.filter(group => group.kind === kind);
    const [smallest] = own.map(group => group.units.length).sort((a, b) => a - b);
    if (own.length === 0)
      throw wrongTarget(
        `units.${kind}`,
        `one of ${[...new Set(all.map(group => group.kind))].join(', ')}`,
        'no such units',
      );
    requireCount(`units.${kind}`, keep, smallest);
    return own.map(group => ({ group, keep }));
  });
  const table = layers === undefined ? [] : blocks(model).blocks;
  if (layers !== undefined) requireCount('layers', layers, table.length);
  const masks = found.map(({ group, keep }) => {
    return { kind: group.kind, units: group.units.length, keep, gates: gatesFor(traced, group) };
  });
  const deep =
    table.length > 0
      ? [{ kind: 'layers', units: table.length, keep: layers!, gates: gatesOfBlocks(traced, table) }]
      : [];
  return { groups: found.map(({ group }) => group), blocks: table, masks: [...masks, ...deep] };
}

function gatesFor(traced: Trace, group: Group): ShearMask['gates'] {
  const gates = gatesOf(traced, group);
  if (gates) return gates;
  throw wrongTarget(
    `units.${group.kind}`,
    'units that every layer reads from its inputs',
    `"${group.name}", which is read from a state`,
  );
}

/** On the branch, not the stream, that each Add is given. */
function gatesOfBlocks({ calls }: Trace, table: readonly Block[]): ShearMask['gates'] {
  return table.flatMap(({ branches }, index) =>
    branches.map(({ name: layer, stream }) => {
      const input = 1 - stream;
      const { axis, shape } = calls.find(call => call.layer === layer)!.inputs[input];
      return { layer, input, axis, members: new Int32Array(shape[axis] ?? 0).fill(index) };
    }),
  );
}

function cuts(
  { groups, blocks: table }: Shape,
  scores: readonly Float64Array[],
  { layers, units = {} }: ShearTarget,
): Method<'data' | 'training'>[] {
  const byName = new Map(groups.map(({ name }, i) => [name, scores[i]]));
  const learnt: Criterion = {
    name: 'learnt masks',
    needs: [],
    covers: ({ name }) => byName.has(name),
    score: asked => Promise.resolve(asked.map(({ name }) => ({ values: byName.get(name)! }))),
  };
  const budget = perGroup({ ratios: group => 1 - units[group.kind] / group.units.length });
  const byBlock = new Map(table.map(({ name }, i) => [name, scores[groups.length][i]]));
  const deep: BlockCriterion = {
    name: 'learnt masks',
    needs: [],
    score: asked => Promise.resolve(asked.map(({ name }) => byBlock.get(name)!)),
  };
  const gone = layers === undefined ? 0 : table.length - layers;
  return [
    ...(gone > 0 ? [layerDrop({ criterion: deep, count: gone })] : []),
    ...(groups.length > 0 ? [prune({ criterion: learnt, budget })] : []),
  ];
}

async function loadingOf(domains: ShearDomains, { data, original }: Context<'data'>): Promise<DynamicLoading> {
  const { train, validation, shares, every = 50, clip = true } = domains;
  checkNumber('shearedLlama', 'domains.every', every, { least: 1, integer: true });
  const names = [...new Set([...train, ...validation])].sort();
  const reference: number[] = [];
  for (const name of names) {
    const examples = validation.flatMap((own, example) => (own === name ? [example] : []));
    const known = domains.reference?.[name];
    reference.push(known ?? (await data.evaluate(original, Int32Array.from(examples))).loss);
  }
  const numbers = (all: readonly string[]): Int32Array => Int32Array.from(all, name => names.indexOf(name));
  const own = { train: numbers(train), validation: numbers(validation), every, clip };
  return { ...own, names, reference, ...(shares && { shares: names.map(name => shares[name] ?? 0) }) };
}

function requireCount(name: string, keep: number, most: number): void {
  if (Number.isInteger(keep) && keep >= 1 && keep <= most) return;
  throw wrongTarget(name, `a number from 1 to ${most}`, String(keep));
}

function wrongTarget(name: string, expected: string, got: string): PruneError {
  const cure = 'See the groups that inspect prints.';
  return new PruneError('bad-option', { place: `shearedLlama, target.${name}`, expected, got, cure });
}
