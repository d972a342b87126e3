/** One seed of the main job: dense baseline, slimming, pruning, fine-tuning, and on request the two controls. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { abs, max, sub, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { loadLayersModel, models, type LayersModel } from '@tensorflow/tfjs-layers';
import {
  chain,
  compress,
  fineTune,
  networkSlimming,
  prune,
  random,
  recalibrate,
  repeat,
  saveLayersModel,
  slim,
  toHtml,
  train,
} from 'tfjs-prune';
import type { Budget, FineTuneOptions, NetworkSlimmingOptions, Plan, Progress, Report } from 'tfjs-prune';
import type { Images, ImageSplits } from './datasets';
import { fileHandler } from './plainTf';

/** All that a run needs to know: the figures follow from it and the seed. */
export interface Recipe {
  readonly name: string;
  readonly build: (seed: number) => LayersModel;
  readonly read: (seed: number) => ImageSplits;
  readonly dense: FineTuneOptions;
  readonly slimming: NetworkSlimmingOptions;
}

export interface Settings {
  readonly seed: number;
  /** Run the two controls too. */
  readonly controls: boolean;
  /** Where the dense and the slim model are saved. */
  readonly directory: string;
  readonly log: (message: string) => void;
  readonly progress: (event: Progress) => void;
}

export interface Outcome {
  readonly seed: number;
  readonly report: Report;
  /** Largest difference between our slim model and its file read by plain tf.js. */
  readonly reloaded: number;
  /** Test accuracy in [0, 1] at exactly the slim model's widths. */
  readonly controls?: { readonly random: number; readonly scratch: number };
}

export async function run(recipe: Recipe, settings: Settings): Promise<Outcome> {
  const { seed, controls, directory, log, progress } = settings;
  const data = recipe.read(seed);
  const sizes = [data.train, data.validation, data.test].map(({ targets }) => targets.shape[0]);
  log(`${sizes.join(' / ')} images to train, validate and test`);
  const initial = recipe.build(seed);
  const dense = await train(initial, { ...recipe.dense, label: 'train dense', data, seed, progress });
  initial.dispose();

  const options = { data, seed, progress, log, latency: { batch: 64, runs: 30 } };
  const { model: small, report, plan } = await compress(dense, networkSlimming(recipe.slimming), options);

  await saveLayersModel(dense, join(directory, 'dense'));
  await saveLayersModel(small, join(directory, 'slim'), { plan, report });
  writeFileSync(join(directory, 'report.html'), toHtml({ report, plan }));
  const reloaded = await differenceAfterReload(small, join(directory, 'slim'), data.test);
  const outcome = { seed, report, reloaded };
  const scores = controls ? await runControls(recipe, dense, small, plan, { ...settings, data }) : undefined;
  dense.dispose();
  small.dispose();
  return { ...outcome, controls: scores };
}

/** Random choice of units, and training from scratch: both at the widths that slimming found, on as many examples. */
async function runControls(
  { dense: denseFit, slimming }: Recipe,
  dense: LayersModel,
  small: LayersModel,
  plan: Plan,
  { data, seed, progress }: Settings & { data: ImageSplits },
): Promise<Outcome['controls']> {
  const settings = { data, seed, progress, latency: false } as const;
  const { steps = 1, slim: slimFit, fineTune: tuneFit } = slimming;
  const byChance = repeat(steps, step =>
    chain<'data' | 'training'>(
      slim(slimFit),
      prune({ criterion: random(), budget: widthsOnTheWayTo(plan, (step + 1) / steps) }),
      recalibrate(),
      fineTune(tuneFit),
    ),
  );
  const chance = await compress(dense, byChance, settings);
  chance.model.dispose();
  const epochs = denseFit.epochs + steps * Math.round(slimFit.epochs + tuneFit.epochs * (tuneFit.fraction ?? 1));
  const untrained = await models.modelFromJSON(small.toJSON(null, false) as never);
  const scratch = await compress(untrained, fineTune({ ...denseFit, epochs }), settings);
  untrained.dispose();
  scratch.model.dispose();
  return { random: finalAccuracy(chance.report), scratch: finalAccuracy(scratch.report) };
}

/** Keeps the best units of each group, as many as lie `progress` of the way (0 to 1) from the full width to the plan's. */
function widthsOnTheWayTo({ groups }: Plan, progress: number): Budget {
  const counts = groups.map(({ name, units, removed }) => {
    return [name, Math.round(units * (1 - removed.length / units) ** progress)] as const;
  });
  const kept = new Map(counts);
  return scored =>
    new Map(
      scored.map(({ group, scores }) => {
        const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
        return [group.name, order.slice(0, kept.get(group.name)).sort((a, b) => a - b)];
      }),
    );
}

export function finalAccuracy({ stages }: Report): number {
  return stages[stages.length - 1].accuracy ?? NaN;
}

async function differenceAfterReload(ours: LayersModel, directory: string, { inputs }: Images): Promise<number> {
  const plain = await loadLayersModel(fileHandler(directory));
  const difference = tidy(() => {
    const images = tensor(inputs.data, [...inputs.shape]);
    const [a, b] = [ours, plain].map(model => model.predict(images) as Tensor);
    return max(abs(sub(a, b))).dataSync()[0];
  });
  plain.dispose();
  return difference;
}
