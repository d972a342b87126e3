/** One pruning step in its parts, with the time of each. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { magnitude, materialize, uniform, type Checkpoint, type Context } from '../../lib';
import { unitsGone, type Scored } from '../../lib/budgets';
import { leaves } from '../../lib/core/checkpoint';
import { mask, slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';

/** Milliseconds. */
export interface Phases {
  readonly trace: number;
  readonly groups: number;
  /** L1 of every unit, and the choice by it. */
  readonly score: number;
  readonly slice: number;
  readonly materialize: number;
}

export interface Step {
  /** The caller disposes it. */
  readonly model: LayersModel;
  readonly sliced: Checkpoint;
  /** What `sliced` has to equal. */
  masked(): Checkpoint;
  readonly phases: Phases;
  /** Of groups, and of those of them that are frozen. */
  readonly groups: readonly [number, number];
}

/** From a checkpoint to a tf.js model with `ratio` of each group gone, the smallest L1 norms first. */
export async function pruneOnce(model: Checkpoint, ratio: number): Promise<Step> {
  const laps = [performance.now()];
  const lap = <T>(result: T): T => {
    laps.push(performance.now());
    return result;
  };
  const traced = lap(trace(model));
  const all = lap(groupsOf(traced));
  const criterion = magnitude();
  const free = all.filter(({ frozen }) => frozen === undefined);
  const scores = await criterion.score(free, model, NO_CONTEXT);
  const scored = free.map((group, i): Scored => ({ group, scores: scores[i].values }));
  const survivors = uniform({ ratio, minimum: 1 })(scored, model);
  const removed = lap(new Set(unitsGone(free, survivors)));
  const sliced = lap(slice(model, traced, removed));
  const built = lap(materialize(sliced));
  const times = laps.slice(1).map((end, i) => end - laps[i]);
  const phases = { trace: times[0], groups: times[1], score: times[2], slice: times[3], materialize: times[4] };
  return {
    model: built,
    sliced,
    masked: () => mask(model, traced, removed),
    phases,
    groups: [all.length, all.length - scored.length],
  };
}

export function totalOf(phases: Phases): number {
  return Object.values(phases).reduce((sum: number, ms: number) => sum + ms, 0);
}

/** Trained parameters: without the statistics of BatchNormalization, which other frameworks do not count. */
export function trainedParameters({ topology, weights }: Checkpoint): number {
  return leaves(topology).reduce((sum, { path, spec }) => {
    const arrays = weights.get(path) ?? [];
    const trained = spec.className === 'BatchNormalization' ? arrays.slice(0, -2) : arrays;
    return sum + trained.reduce((all, { data }) => all + data.length, 0);
  }, 0);
}

/** The L1 norm asks for nothing. */
const NO_CONTEXT = {} as Context;
