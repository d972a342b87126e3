/** How fast the model was at each stage of a run. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Topology } from '../core/checkpoint';
import { median } from '../core/timing';
import { timeModels, type LatencyOptions } from '../report/latency';
import type { Cost, Latency, Report, Stage } from '../report/report';
import { constructZeros } from './materialize';

/** What stages looked like; little to keep, for it is without the weights. Stages of an earlier run are not in it. */
export type Shapes = ReadonlyMap<Stage, Topology>;

/** Rounds for a stage between the first and the last: more than a glance, less than the figures of the report take. */
const MOST_RUNS = 10;

/**
 * The stages of `report`, each with its time. One with the cost of the model before or after takes the time that `latency` has of that;
 * others are timed in turns with `dense`, once for each cost, and their share of its time counts. Unknown where `shapes` does not know.
 * @throws PruneError `aborted`.
 */
export async function timeStages(
  dense: LayersModel,
  { stages, before, after }: Pick<Report, 'stages' | 'before' | 'after'>,
  latency: Latency,
  shapes: Shapes,
  signal?: AbortSignal,
): Promise<readonly Stage[]> {
  const { batch, runs } = latency;
  const known = new Map([
    [sizeOf(before), latency.before.median],
    [sizeOf(after), latency.after.median],
  ]);
  for (const [stage, topology] of shapes) {
    const size = sizeOf(stage);
    if (!stages.includes(stage) || known.has(size)) continue;
    const share = await shareOf(topology, dense, { batch, runs: Math.min(runs, MOST_RUNS), signal });
    known.set(size, share * latency.before.median);
  }
  return stages.map(stage => {
    const time = known.get(sizeOf(stage));
    return time === undefined ? stage : { ...stage, latency: time };
  });
}

async function shareOf(topology: Topology, dense: LayersModel, options: LatencyOptions): Promise<number> {
  const model = constructZeros(topology);
  try {
    const [whole, part] = (await timeModels('measureLatency', [dense, model], options)).rounds;
    return median(part.map((time, run) => time / whole[run]));
  } finally {
    model.dispose();
  }
}

function sizeOf({ units, parameters, macs, bytes }: Cost): string {
  return [units, parameters, macs, bytes].join(' ');
}
