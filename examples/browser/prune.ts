/** The run itself: settings to a method, a model to a smaller one and the account of it. */
import { io } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  chain,
  compress,
  costTarget,
  fineTune,
  gamma,
  geometricMedian,
  global,
  magnitude,
  prune,
  PruneError,
  random,
  taylor,
  toHtml,
  uniform,
  type Budget,
  type Criterion,
  type Data,
  type Need,
  type Progress,
} from 'tfjs-prune';
import type { CriterionName, ModelFiles, Outcome, Settings } from './messages';

export interface Run {
  readonly signal: AbortSignal;
  readonly step: (text: string, share: number) => void;
}

const CRITERIA: Readonly<Record<CriterionName, () => Criterion<Need>>> = {
  magnitude,
  geometricMedian,
  gamma,
  taylor,
  random,
};

export async function pruneModel(
  model: LayersModel,
  data: Data | undefined,
  settings: Settings,
  { signal, step }: Run,
): Promise<Outcome> {
  const cut = prune({ criterion: CRITERIA[settings.criterion](), budget: budgetOf(settings) });
  const { epochs } = settings;
  const method = epochs > 0 ? chain(cut, fineTune({ epochs, optimizer: 'adam' })) : cut;
  const progress = ({ stage, done, total, detail }: Progress): void =>
    step(`${stage}: ${done} of ${total}${detail ? `, ${detail}` : ''}`, done / total);
  const compressed = await compress<Need>(model, method, {
    data: data ?? missing(method),
    signal,
    progress,
    latency: false,
  });
  const { model: small, report, plan } = compressed;
  try {
    const html = toHtml({ report, plan });
    return { report, plan, html, before: await filesOf(model), after: await filesOf(small) };
  } finally {
    small.dispose();
  }
}

/** What needs no data is not refused for the lack of it. */
function missing({ needs }: { readonly needs: readonly Need[] }): Data {
  if (needs.length === 0) return undefined as never;
  throw new PruneError('bad-data', {
    place: 'prune',
    expected: `data, which ${needs.join(' and ')} need`,
    got: 'none',
    cure: 'Choose data, or another criterion and 0 epochs of fine-tuning.',
  });
}

function budgetOf({ budget, amount }: Settings): Budget {
  const ratio = amount / 100;
  // At least one unit of every group stays, or its layer would be none.
  if (budget === 'uniform') return uniform({ ratio, minimum: 1 });
  if (budget === 'global') return global({ ratio, minimum: 1 });
  return costTarget({ macs: 1 - ratio });
}

/** model.json, and all weights in one file beside it. */
async function filesOf(model: LayersModel): Promise<ModelFiles> {
  let files: ModelFiles | undefined;
  const handler = io.withSaveHandler(async artifacts => {
    const { weightSpecs, weightData, ...description } = artifacts;
    const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
    const weights = io.CompositeArrayBuffer.join(weightData ?? new ArrayBuffer(0));
    files = { json: JSON.stringify({ ...description, weightsManifest }), weights };
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
  return files!;
}
