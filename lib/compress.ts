/** The public call: a model and a method in, a smaller model and the account of it out. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Checkpoint, Topology } from './core/checkpoint';
import { hashOf } from './core/hash';
import type { Need, Progress } from './core/context';
import type { RunStore } from './core/store';
import { exampleSizes, type InputSizes } from './core/shapes';
import { composePlan } from './edit/blockPlan';
import type { Plan } from './edit/plan';
import { composeSlices, type Removed } from './edit/restore';
import { unwrap } from './edit/slim';
import { macsOfModel } from './graph/cost';
import { identify, type Identity } from './identity';
import { runFolder } from './io/runFolder';
import type { Method } from './methods';
import { costOf, layerWidths } from './report/cost';
import { explain } from './report/explain';
import { measureLatency } from './report/latency';
import type { Report, Stage } from './report/report';
import { backendName } from './runtime/backend';
import { capture } from './runtime/capture';
import { createContext, type Keeping } from './runtime/context';
import { readData, type Data, type Splits } from './runtime/data';
import { evaluate } from './runtime/evaluate';
import type { Notes } from './runtime/journal';
import { materialize } from './runtime/materialize';
import { timeStages } from './runtime/stageTimes';

export interface RunSettings {
  /** Every random choice follows from it: same seed, same bytes. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly log?: (message: string) => void;
  readonly progress?: (event: Progress) => void;
}

export interface CompressSettings extends RunSettings {
  /** Examples per forward pass and number of passes for the measured latency; false to skip it. */
  readonly latency?: { readonly batch?: number; readonly runs?: number } | false;
  /** Return what is cut away, for `restore`. */
  readonly keepRemoved?: boolean;
  /**
   * A folder (under Node.js), or a store of your own, that keeps the model after every step of the method, and within a training
   * after every epoch. The same call, after it was stopped in whatever way, goes on behind the last of them, and ends with the same bytes.
   */
  readonly resume?: string | RunStore;
}

/** Data is required exactly when something needs it. */
export type DataFor<N extends Need> = [N] extends [never] ? { readonly data?: Data } : { readonly data: Data };

export type CompressOptions<N extends Need> = CompressSettings & DataFor<N>;

export interface Compressed {
  /** A new model of stock layers; the caller disposes it. */
  readonly model: LayersModel;
  readonly report: Report;
  /** What was removed, in terms of the original model. */
  readonly plan: Plan;
  /** What was cut away; only with `keepRemoved`. */
  readonly removed?: Removed;
}

/** What `restore` needs, too. */
export interface Restorable extends Compressed {
  readonly removed: Removed;
}

/**
 * Runs `method` on a copy of `model` and returns the result as a plain LayersModel. The input model and the data are
 * left as they are. Accuracy is measured at each stage on the test split (else validation, else training).
 * @throws PruneError of any code; nothing is left behind then.
 */
export async function compress<N extends Need = never>(
  model: LayersModel,
  method: Method<N>,
  options: CompressOptions<N> & { readonly keepRemoved: true },
): Promise<Restorable>;
export async function compress<N extends Need = never>(
  model: LayersModel,
  method: Method<N>,
  ...[options]: [N] extends [never] ? [options?: CompressOptions<N>] : [options: CompressOptions<N>]
): Promise<Compressed>;
export async function compress<N extends Need = never>(
  model: LayersModel,
  method: Method<N>,
  ...[options]: [N] extends [never] ? [options?: CompressOptions<N>] : [options: CompressOptions<N>]
): Promise<Compressed> {
  const { latency = {}, ...settings }: CompressSettings & { data?: Data } = options ?? {};
  const shapes = new Map<Stage, Topology>();
  const compressed = await cutDown(model, method, settings, (stage, { topology }) => shapes.set(stage, topology));
  if (latency === false) return compressed;
  const { model: small, report } = compressed;
  const { signal } = settings;
  try {
    const timed = await measureLatency(model, small, { ...latency, signal });
    const stages = await timeStages(model, report, timed, shapes, signal);
    return { ...compressed, report: { ...report, stages, latency: timed } };
  } catch (error) {
    small.dispose();
    throw error;
  }
}

/** All but the timing: when it returns, nothing holds weights as plain data, and there is room for what timing needs. */
async function cutDown<N extends Need>(
  model: LayersModel,
  method: Method<N>,
  settings: Omit<CompressSettings, 'latency'> & { data?: Data },
  watch: Watch,
): Promise<Compressed> {
  const { result, ...account } = await run(model, method, settings, watch);
  return { model: materialize(result), ...account };
}

/** Told of each stage, and the model then. */
type Watch = (stage: Stage, model: Checkpoint) => void;

interface Run extends Omit<Compressed, 'model'> {
  readonly result: Checkpoint;
}

async function run<N extends Need>(
  model: LayersModel,
  method: Method<N>,
  { data, ...settings }: Omit<CompressSettings, 'latency'> & { data?: Data },
  watch: Watch,
): Promise<Run> {
  const { seed = 0, signal, log, progress, keepRemoved } = settings;
  const original = unwrap(await capture(model));
  const splits = data && (await readData(data, original));
  const options = { original, seed, signal, log, progress, keepRemoved };
  const keeping = await keep(settings, { method, original, splits, seed });
  const example = openFor(original, splits);
  const { context, journal } = await createContext(options, splits, recorder(splits, example, signal, watch), keeping);
  const { notes } = journal;
  await context.stage('dense', original);
  const result = await context.step(method.name, original, () => method.run(original, context));
  await context.stage('result', result);
  const shared = { method: method.name, seed };
  const source = { sha256: await hashOf(original) };
  const { version, ...composed } = composePlan(original, notes.steps);
  const plan = explain(original, { version, source, ...shared, ...composed });
  const report: Report = {
    ...shared,
    backend: backendName(),
    split: splits && scoredSplit(splits),
    before: costOf(original, { example }),
    after: costOf(result, { example }),
    ...(example && { example }),
    stages: notes.stages,
    layers: layerWidths(original, result),
    certificates: notes.certificates,
    ...(notes.gammas.length > 0 && { gammas: notes.gammas }),
    ...(notes.undone.length > 0 && { undone: notes.undone }),
    ...(plan.turned && { turned: plan.turned }),
    ...(plan.blocks && { blocks: plan.blocks.map(({ name, branches, layers }) => ({ name, branches, layers })) }),
  };
  const removed = keepRemoved ? removedFrom(original, result, plan, notes) : undefined;
  return { result, report, plan, ...(removed && { removed }) };
}

/** Where steps are kept, and what tells this run from others. */
async function keep<N extends Need>(
  { resume, keepRemoved = false }: CompressSettings,
  run: Identity<N>,
): Promise<Keeping | undefined> {
  if (resume === undefined) return undefined;
  const store = typeof resume === 'string' ? runFolder(resume) : resume;
  return { store, fingerprint: { ...(await identify(run)), keepRemoved } };
}

/** Of all cuts together, in terms of the plan. */
function removedFrom({ topology }: Checkpoint, result: Checkpoint, { sites }: Plan, { steps, taken }: Notes): Removed {
  if (steps.length === 1) return { topology, ...taken[0] };
  const cuts = steps.map((step, i) => ({ sites: step.sites, ...taken[i] }));
  return composeSlices(result, cuts, topology, sites);
}

/** The sizes of the training data's examples where the model leaves some open. */
function openFor(model: Checkpoint, splits: Splits | undefined): InputSizes | undefined {
  if (splits === undefined || macsOfModel(model) !== undefined) return undefined;
  return exampleSizes(splits.train.inputs);
}

/** Measures stages. */
function recorder(
  splits: Splits | undefined,
  example: InputSizes | undefined,
  signal: AbortSignal | undefined,
  watch: Watch,
) {
  return async (name: string, model: Checkpoint): Promise<Stage> => {
    const split = splits && splits[scoredSplit(splits)];
    const score = split && (await evaluate(model, split, splits.loss, { signal }));
    const stage = { name, ...costOf(model, { example }), ...score };
    watch(stage, model);
    return stage;
  };
}

function scoredSplit({ test, validation }: Splits): 'test' | 'validation' | 'train' {
  if (test) return 'test';
  return validation ? 'validation' : 'train';
}
