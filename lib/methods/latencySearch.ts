/** Trial by trial to a measured latency: how much work the next cut may leave, and which was good enough. */
import { unitsGone, type Candidate, type CostSearch, type Scored, type Survivors } from '../budgets';
import type { Checkpoint } from '../core/checkpoint';
import { median, type Measured, type Times, type Trial } from '../core/timing';
import { slice } from '../edit/slice';
import type { Trace } from '../graph/ledger';

/** A model, and a clock that times cuts of it. */
export interface Stopwatch {
  readonly model: Checkpoint;
  readonly traced: Trace;
  readonly scored: readonly Scored[];
  readonly batch: number;
  readonly runs: number;
  time(models: readonly Checkpoint[]): Promise<Times>;
  tell(trial: Trial, done: number): void;
}

export interface Goal {
  readonly milliseconds?: number;
  readonly speedup?: number;
  /** Trials at most. */
  readonly most: number;
}

export interface Outcome extends Omit<Measured, 'result'> {
  readonly taken?: Trial;
  readonly survivors?: Survivors;
}

const MULTIPLES = [1, 2, 4, 8, 16];
/** Of the best: a multiple that turns work into time so well is good enough. */
const AS_GOOD = 0.97;
/** A trial at or below the target by at most this share of it ends the search. */
const NEAR = 0.04;
/** A little less than the target is aimed at, for no clock is exact. */
const AIM = 0.98;

/** Of the ratio: no clock tells cuts apart that are closer. */
const HALVINGS = 16;

/** What the clock said of a candidate: `time` is that of the candidate over that of the model, the smaller the faster. */
interface Timed {
  readonly candidate: Candidate;
  readonly work: number;
  readonly ratios: readonly number[];
  readonly time: number;
}

/**
 * Times candidates of `costs(multiple)` until one is at the target or just below it, or all trials are spent; then the
 * slowest that is fast enough is taken. Undefined where none is.
 */
export async function latencySearch(
  watch: Stopwatch,
  costs: (multiple: number) => CostSearch,
  multipleOf: number | 'auto',
  { milliseconds, speedup, most }: Goal,
): Promise<Outcome> {
  const first = await watch.time([watch.model]);
  const denseTimes = [...first.rounds[0]];
  const note = ({ rounds }: Times): void => void denseTimes.push(...rounds[0]);
  /** Time over the model's own. */
  const wanted = (): number =>
    Math.min(1, milliseconds === undefined ? 1 / speedup! : milliseconds / median(denseTimes));
  const multiple = multipleOf === 'auto' ? await bestMultiple(watch, costs, AIM * wanted(), note) : multipleOf;
  const search = costs(multiple);
  const done: Timed[] = [];
  const next = (): Candidate | undefined => (wanted() < 1 ? nextCandidate(search, done, wanted()) : undefined);
  const trial = ({ candidate, work, time }: Timed): Trial => {
    const units = candidate.units / search.dense.units;
    return { units, work, milliseconds: median(denseTimes) * time, speedup: 1 / time };
  };
  for (let candidate = next(); candidate && done.length < most; candidate = next()) {
    const timed = await timeCandidate(watch, search, candidate, wanted(), note);
    done.push(timed);
    watch.tell(trial(timed), done.length);
  }
  const enough = done.filter(({ time }) => time <= wanted()).sort((a, b) => b.work - a.work);
  const dense: Timed = { candidate: search.dense, work: 1, ratios: [1], time: 1 };
  const taken = wanted() === 1 ? dense : enough[0];
  return {
    backend: first.backend,
    batch: watch.batch,
    runs: watch.runs,
    target: milliseconds ?? median(denseTimes) / speedup!,
    dense: median(denseTimes),
    multipleOf: multiple,
    trials: done.map(trial),
    ...(taken && { taken: trial(taken), survivors: taken.candidate.survivors }),
  };
}

/** What to time next; undefined when a trial came near enough, or nothing lies between those around the target. */
function nextCandidate(search: CostSearch, done: readonly Timed[], wanted: number): Candidate | undefined {
  const enough = done.filter(({ time }) => time <= wanted).sort((a, b) => b.work - a.work);
  const [fast] = enough;
  if (fast && fast.time >= wanted * (1 - NEAR)) return undefined;
  const slower = done.filter(({ time, work }) => time > wanted && work > (fast?.work ?? 0));
  const slow = [...slower].sort((a, b) => a.work - b.work)[0] ?? { work: 1, time: 1, candidate: search.dense };
  const work = fast ? between(fast, slow, AIM * wanted) : beyond(slow, slower.length, AIM * wanted);
  return untried(search, work, slow, fast);
}

/** Where the line through two trials meets `aim`; well inside, so that the bracket shrinks. */
function between(fast: Pick<Timed, 'work' | 'time'>, slow: Pick<Timed, 'work' | 'time'>, aim: number): number {
  const share = (aim - fast.time) / (slow.time - fast.time);
  return fast.work + Math.min(0.9, Math.max(0.1, share)) * (slow.work - fast.work);
}

/**
 * Where time would meet `aim`: at first as if it were all work, then along the line from the model through the fastest
 * trial; after three that were too slow, as little work as there can be.
 */
function beyond({ work, time }: Pick<Timed, 'work' | 'time'>, failed: number, aim: number): number {
  if (failed === 0) return aim;
  const slope = (1 - time) / (1 - work);
  return failed > 2 || !(slope > 0) ? 0 : Math.max(0, work - (time - aim) / slope);
}

/** The candidate with at most `work`, or if that is one that was timed, another between the two. */
function untried(
  search: CostSearch,
  work: number,
  slow: Pick<Timed, 'candidate' | 'work'>,
  fast: Timed | undefined,
): Candidate | undefined {
  for (let i = 0, at = work; i < 12; i++) {
    const candidate = atWork(search, at);
    if (candidate.units < slow.candidate.units && candidate.units !== fast?.candidate.units) return candidate;
    if (fast === undefined) {
      if (at === 0) return undefined;
      at = i > 4 ? 0 : at / 2;
    } else at = (at + slow.work) / 2;
  }
  return undefined;
}

async function timeCandidate(
  watch: Stopwatch,
  search: CostSearch,
  candidate: Candidate,
  wanted: number,
  note: (times: Times) => void,
): Promise<Timed> {
  const small = cutOf(watch, candidate);
  const ratios: number[] = [];
  const time = async (): Promise<number> => {
    const times = await watch.time([watch.model, small]);
    note(times);
    ratios.push(...ratiosOf(times, 1));
    return median(ratios);
  };
  const first = await time();
  const near = Math.abs(first / wanted - 1) <= 0.1;
  return { candidate, work: workOf(search, candidate), ratios, time: near ? await time() : first };
}

/** See `multipleOf` of {@link latencySearch}'s caller: all models are timed in the same rounds. */
async function bestMultiple(
  watch: Stopwatch,
  costs: (multiple: number) => CostSearch,
  work: number,
  note: (times: Times) => void,
): Promise<number> {
  if (work >= AIM) return 1;
  const trials = MULTIPLES.map(multiple => {
    const search = costs(multiple);
    const candidate = atWork(search, work);
    return { multiple, candidate, work: workOf(search, candidate) };
  });
  const times = await watch.time([watch.model, ...trials.map(({ candidate }) => cutOf(watch, candidate))]);
  note(times);
  const quality = trials.map((trial, i) => trial.work / median(ratiosOf(times, i + 1)));
  const best = Math.max(...quality);
  return trials[quality.findIndex(value => value >= AS_GOOD * best)].multiple;
}

/** Of each round: the time of a model over that of the first. */
function ratiosOf({ rounds }: Times, index: number): number[] {
  return rounds[index].map((time, round) => time / rounds[0][round]);
}

/** The lightest cut that leaves at most `work`; where none does, the heaviest there is. */
function atWork(search: CostSearch, work: number): Candidate {
  const { last, found } = search.search(candidate => workOf(search, candidate) <= work, HALVINGS);
  return found ?? last;
}

/** Fraction of the multiply-accumulates that stay; of the parameters where those cannot be counted. */
function workOf({ dense }: CostSearch, { macs, parameters }: Candidate): number {
  return macs === undefined ? parameters / dense.parameters : macs / dense.macs!;
}

function cutOf({ model, traced, scored }: Stopwatch, { survivors }: Candidate): Checkpoint {
  const groups = scored.map(({ group }) => group);
  return slice(model, traced, new Set(unitsGone(groups, survivors)));
}
