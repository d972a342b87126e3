/** What survives a reload. */
import { clear, get, set } from 'idb-keyval';
import type { Latency } from 'tfjs-prune';
import type { BackendName, Chosen, Outcome, Settings } from './messages';

/** The median of one backend, or why there is none. */
export type Speed = Latency | { readonly problem: string };

export interface Result {
  readonly outcome: Outcome;
  readonly speeds: Partial<Record<BackendName, Speed>>;
}

export interface Kept {
  model: readonly File[];
  data: readonly Chosen[];
  settings: Settings;
  pixels: string;
  result: Result;
}

/** A browser that keeps nothing (a private window, a full disk) is no reason to fail. */
export function recall<K extends keyof Kept>(name: K): Promise<Kept[K] | undefined> {
  return get<Kept[K]>(name).catch(() => undefined);
}

/** Undefined is nothing. */
export async function keep<K extends keyof Kept>(name: K, value: Kept[K] | undefined): Promise<void> {
  await set(name, value).catch(() => undefined);
}

export const forget = clear;
