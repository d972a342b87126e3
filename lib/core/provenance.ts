/** Where a compressed model comes from, in few words, for the file that holds it. */
import type { Score } from './context';

export interface Provenance {
  /** Hash of the topology and weights of the model that was compressed. */
  readonly parent: string;
  /** Hash of the plan's JSON, which is that of the file plan.json. */
  readonly plan: string;
  readonly seed: number;
  readonly method: string;
  readonly metrics: Metrics;
  /** Of this library. */
  readonly version: string;
}

/** Nothing that another run with the same seed would not give again, so no times. */
export interface Metrics {
  readonly before: Measures;
  readonly after: Measures;
  /** Which split the scores are measured on. */
  readonly split?: string;
}

export interface Measures extends Partial<Score> {
  readonly units: number;
  readonly parameters: number;
  readonly macs?: number;
  readonly bytes: number;
}

/** The key in a model's user-defined metadata. */
export const PROVENANCE_KEY = 'tfjsPrune';

/**
 * The provenance in `model.getUserDefinedMetadata()` of a loaded model; undefined where there is none, or none that is whole.
 * A file may claim anything: it says where a model comes from, and proves nothing.
 */
export function provenanceFrom(metadata: object | null | undefined): Provenance | undefined {
  const provenance: unknown = (metadata as Record<string, unknown> | null | undefined)?.[PROVENANCE_KEY];
  return isProvenance(provenance) ? provenance : undefined;
}

/** Whether `value` has every field, each of its kind. */
export function isProvenance(value: unknown): value is Provenance {
  const { parent, plan, seed, method, metrics, version } = Object(value) as Record<string, unknown>;
  const { before, after, split } = Object(metrics) as Record<string, unknown>;
  return (
    [parent, plan].every(isHash) &&
    Number.isFinite(seed) &&
    [method, version].every(word => typeof word === 'string') &&
    [before, after].every(isMeasures) &&
    ['undefined', 'string'].includes(typeof split)
  );
}

/** SHA-256 in hex. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isMeasures(value: unknown): boolean {
  const { units, parameters, macs, bytes, loss, accuracy } = Object(value) as Record<string, unknown>;
  return (
    [units, parameters, bytes].every(Number.isFinite) &&
    [macs, loss, accuracy].every(number => number === undefined || number === null || Number.isFinite(number))
  );
}
