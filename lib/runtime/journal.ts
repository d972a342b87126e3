/** What a run notes on the way, step by step, so that a step can be written down and read again. */
import type { Certificate, Moments, RemovedStep, Score, Undone } from '../core/context';
import type { Checkpoint } from '../core/checkpoint';
import type { GammaHistory } from '../core/gammas';
import type { Taken } from '../edit/restore';

/** For plan and report; `S` is a stage of the report. */
export interface Notes<S = unknown> {
  readonly stages: S[];
  readonly steps: RemovedStep[];
  /** What each step took away, where that is to be kept. */
  readonly taken: Taken[];
  readonly certificates: (Certificate & { readonly place: string })[];
  readonly gammas: GammaHistory[];
  readonly undone: Undone[];
}

export interface Journal<S = unknown> {
  readonly notes: Notes<S>;
  /** The model of the last stage. */
  last?: Checkpoint;
  /** What the optimizer of the last training knew, in the shapes of the model as it is now. */
  moments?: Moments;
  /** Scores to compare with, by name. */
  recalled: Readonly<Record<string, Score>>;
}

export function newJournal<S>(): Journal<S> {
  return { notes: { stages: [], steps: [], taken: [], certificates: [], gammas: [], undone: [] }, recalled: {} };
}

/** How much was noted. */
export type Mark = Readonly<Record<keyof Notes, number>>;

export function markOf({ stages, steps, taken, certificates, gammas, undone }: Notes): Mark {
  return {
    stages: stages.length,
    steps: steps.length,
    taken: taken.length,
    certificates: certificates.length,
    gammas: gammas.length,
    undone: undone.length,
  };
}

/** What was noted since. */
export function notesSince<S>(notes: Notes<S>, mark: Mark): Notes<S> {
  const { stages, steps, taken, certificates, gammas, undone } = notes;
  return {
    stages: stages.slice(mark.stages),
    steps: steps.slice(mark.steps),
    taken: taken.slice(mark.taken),
    certificates: certificates.slice(mark.certificates),
    gammas: gammas.slice(mark.gammas),
    undone: undone.slice(mark.undone),
  };
}

export function addNotes<S>(notes: Notes<S>, { stages, steps, taken, certificates, gammas, undone }: Notes<S>): void {
  notes.stages.push(...stages);
  notes.steps.push(...steps);
  notes.taken.push(...taken);
  notes.certificates.push(...certificates);
  notes.gammas.push(...gammas);
  notes.undone.push(...undone);
}

/** A way back to `journal` as it is now, but for what was taken back. */
export function wayBack(journal: Journal): () => void {
  const { last, moments, notes } = journal;
  const { stages, steps, taken, certificates, gammas } = markOf(notes);
  return () => {
    notes.stages.length = stages;
    notes.steps.length = steps;
    notes.taken.length = taken;
    notes.certificates.length = certificates;
    notes.gammas.length = gammas;
    Object.assign(journal, { last, moments });
  };
}
