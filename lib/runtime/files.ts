/** Model files: tf.js turns a model into data and back, io/ writes and reads it. */
import { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkKeyword } from '../core/check';
import { PruneError } from '../core/errors';
import { hashOfJson } from '../core/hash';
import type { Json, Refuse } from '../core/json';
import { isProvenance, PROVENANCE_KEY, provenanceFrom, type Provenance } from '../core/provenance';
import type { Plan } from '../edit/plan';
import { parsePlan } from '../edit/planFile';
import { PLAN_FILE, REPORT_FILE } from '../io/accountFiles';
import { readTopology } from '../io/keras';
import { refuser } from '../io/manifest';
import { metadataBeside, readJsonFile, type JsonFile } from '../io/jsonFile';
import { readModelFiles, writeModelFiles, type ModelArtifacts } from '../io/modelFiles';
import type { GivenFile } from '../io/source';
import type { Precision } from '../io/quantize';
import type { Report } from '../report/report';
import { parseReport } from '../report/reportFile';
import { buildModel, isModelClass } from './fileModel';
import { inSavedOrder } from './savedOrder';

export interface SaveOptions {
  /** Kept in the file beside the model's own `getUserDefinedMetadata()`; anything that JSON can hold. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Where the model comes from, as `provenanceOf` says it; kept in the metadata under "tfjsPrune". */
  readonly provenance?: Provenance;
  /** What was removed, as `compress` returned it; written beside the model as plan.json. */
  readonly plan?: Plan;
  /** What it cost and gained, as `compress` returned it; written beside the model as report.json, for `tfjs-prune report`. */
  readonly report?: Report;
  /** Stores float32 weights in 8 or 16 bits, in the ways that plain tf.js reads. */
  readonly quantize?: Precision;
}

const PRECISIONS: readonly Precision[] = ['float16', 'uint8', 'uint16'];

/**
 * Writes `model` as `model.json` and weight shards into `directory`, for `tf.loadLayersModel` anywhere. A model already
 * there is replaced only by a whole one. The same model gives the same bytes. Optimizer state is not saved.
 *
 * `quantize` makes the file 2 or 4 times smaller; a loaded weight differs from the saved one by at most half a step of
 * float16, or of the 255 or 65,535 steps from its least to its greatest value.
 * @throws PruneError `bad-file` when the folder cannot be written, `bad-model` for anything but a LayersModel and when two
 * weights share a name, `bad-weights` when `quantize` cannot store a value, `bad-option` when provenance and plan disagree.
 */
export async function saveLayersModel(model: LayersModel, directory: string, options: SaveOptions = {}): Promise<void> {
  const place = `saveLayersModel "${directory}"`;
  requireLayersModel(place, model);
  const { metadata, provenance, plan, report, quantize } = options;
  if (quantize !== undefined) checkKeyword(place, 'quantize', quantize, PRECISIONS);
  if (plan !== undefined) parsePlan(plan, `${place}, plan`);
  if (report !== undefined) parseReport(report, `${place}, report`);
  await requireOwnProvenance(place, provenance, plan);
  const all = { ...metadata, ...(provenance && { [PROVENANCE_KEY]: provenance }) };
  const handler = io.withSaveHandler(async artifacts => {
    const texts = { plan: plan && JSON.stringify(plan), report: report && JSON.stringify(report) };
    await writeModelFiles(toWrite(artifacts, all), directory, { quantize, ...texts });
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
}

/**
 * Reads a model from its `model.json`, the folder that holds it, its http(s) address, or, in a page, the files that a user gave;
 * the caller disposes it. It is not compiled. Reads what tf.js reads, and files of Keras 3 and weight names of other writers where it is certain what is meant.
 * @throws PruneError `bad-file` when a file is missing, damaged, of another format or contradicts another; `aborted`.
 */
export async function loadLayersModel(
  path: string | readonly GivenFile[],
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<LayersModel> {
  const { name, ...artifacts } = await readModelFiles(path, { signal });
  const refuse = refuser(name);
  try {
    return buildModel(artifacts, readTopology(artifacts.modelTopology, isModelClass, refuse), refuse);
  } catch (error) {
    return refuseAsFile(refuse, error);
  }
}

/**
 * Reads the `plan.json` at `path` or in the folder `path`, also from an http(s) address.
 * @throws PruneError `bad-file` when it is missing or damaged, or is not the plan that the model beside it names.
 */
export async function readPlanFile(path: string): Promise<Plan> {
  const file = await readJsonFile(path, { caller: 'readPlanFile', main: PLAN_FILE });
  const place = `readPlanFile "${file.source.name}"`;
  const plan = parsePlan(file.json, place);
  const named = (await provenanceBeside(file))?.plan;
  if (named === undefined || named === (await hashOfJson(plan))) return plan;
  throw ofAnother(place, `the plan of the model beside it, with SHA-256 ${named}`, 'another one');
}

/**
 * Reads the `report.json` at `path` or in the folder `path`, also from an http(s) address.
 * @throws PruneError `bad-file` when it is missing or damaged, or is not about the model beside it.
 */
export async function readReportFile(path: string): Promise<Report> {
  const file = await readJsonFile(path, { caller: 'readReportFile', main: REPORT_FILE });
  const place = `readReportFile "${file.source.name}"`;
  const report = parseReport(file.json, place);
  const named = await provenanceBeside(file);
  if (named === undefined) return report;
  const { before, after } = named.metrics;
  const [expected, got] = [{ ...named, before, after }, report].map(whatItIsOf);
  if (expected === got) return report;
  throw ofAnother(place, `the report of the model beside it, ${expected}`, got);
}

async function provenanceBeside(file: JsonFile): Promise<Provenance | undefined> {
  return provenanceFrom(await metadataBeside(file));
}

function whatItIsOf({ method, seed, before, after }: Pick<Report, 'method' | 'seed'> & Sizes): string {
  return `${method}, seed ${seed}, ${before.parameters} to ${after.parameters} parameters`;
}

interface Sizes {
  readonly before: { readonly parameters: number };
  readonly after: { readonly parameters: number };
}

function ofAnother(place: string, expected: string, got: string): PruneError {
  return new PruneError('bad-file', { place, expected, got, cure: 'Copy the whole model folder again.' });
}

function requireLayersModel(place: string, model: unknown): void {
  const { layers, getConfig, execute } = Object(model) as Record<string, unknown>;
  if (Array.isArray(layers) && typeof getConfig === 'function') return;
  throw new PruneError('bad-model', {
    place,
    expected: 'a tf.LayersModel',
    got: typeof execute === 'function' ? 'a GraphModel, which has no layers' : String(model),
    cure: 'Pass a model of tf.sequential, tf.model or compress.',
  });
}

async function requireOwnProvenance(
  place: string,
  provenance: Provenance | undefined,
  plan: Plan | undefined,
): Promise<void> {
  if (provenance === undefined) return;
  if (!isProvenance(provenance)) {
    const cure = 'Make it with provenanceOf.';
    throw new PruneError('bad-option', { place, expected: 'a Provenance', got: 'something else', cure });
  }
  if (plan === undefined || provenance.plan === (await hashOfJson(plan))) return;
  const cure = 'Pass the plan that provenanceOf was given.';
  throw new PruneError('bad-option', { place, expected: 'the plan of the provenance', got: 'another plan', cure });
}

/** What tf.js says of a topology or its weights, as one line about the file. */
function refuseAsFile(refuse: Refuse, error: unknown): never {
  if (error instanceof PruneError && error.code !== 'bad-model') throw error;
  // A refusal from inside of tf.js comes wrapped.
  const cause = error instanceof PruneError ? error.cause : error;
  if (cause instanceof PruneError) throw cause;
  const [line] = (cause instanceof Error ? cause.message : String(error)).split('\n');
  return refuse(
    'a model that tf.js can build',
    `"${line.replace(/\.$/, '')}"`,
    line.startsWith('Unknown layer')
      ? 'Register the class of that layer with tf.serialization.registerClass first.'
      : 'Topology and weights disagree; save the model again.',
  );
}

function toWrite(artifacts: io.ModelArtifacts, metadata: Json): ModelArtifacts {
  const { modelTopology, weightSpecs = [], weightData = [], generatedBy, convertedBy, userDefinedMetadata } = artifacts;
  const merged = { ...userDefinedMetadata, ...metadata };
  return {
    modelTopology: inSavedOrder(modelTopology as Json),
    weightSpecs: weightSpecs as ModelArtifacts['weightSpecs'],
    weightData: Array.isArray(weightData) ? weightData : [weightData],
    generatedBy,
    convertedBy,
    ...(Object.keys(merged).length > 0 && { userDefinedMetadata: merged }),
  };
}
