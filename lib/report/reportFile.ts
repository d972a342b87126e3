/** Reports and scans from elsewhere, read with distrust. */
import {
  fieldRefuser,
  NUMBER,
  requireEach,
  requireFields,
  requireKnown,
  withoutNull,
  WORD,
  type RefuseField,
  type Require,
} from '../core/fields';
import { isIndex, isRecord } from '../core/json';
import { requireCost } from '../edit/planAccount';
import type { Sensitivity } from '../core/sensitivity';
import type { Report } from './report';

/**
 * `json` as a report; fields that this version does not know are left in it, and those that are null, as JSON writes what
 * is not finite, are left out.
 * @throws PruneError `bad-file` at the first field that is missing or makes no sense; `place` names the file.
 */
export function parseReport(json: unknown, place = 'report'): Report {
  const refuse = fieldRefuser(place, 'Take the report as compress returned or saved it.');
  const report = withoutNull(json);
  if (!isRecord(report)) return refuse('a report', json);
  const { split, before, after, example, latency } = report;
  requireFields(report, { method: WORD, seed: NUMBER, backend: WORD }, 'report', refuse);
  if (![undefined, 'train', 'validation', 'test'].includes(split as string)) refuse('a split', split);
  requireWholeCost(before, 'before', refuse);
  requireWholeCost(after, 'after', refuse);
  for (const [name, require] of Object.entries(LISTS)) requireEach(report[name], name, require, refuse);
  for (const [name, require] of Object.entries(OPTIONAL)) requireEach(report[name] ?? [], name, require, refuse);
  if (example !== undefined && !isShapes(example)) refuse('shapes of an example', example);
  if (latency !== undefined) requireLatency(latency, refuse);
  return report as unknown as Report;
}

/**
 * `json` as what `sensitivity` measured.
 * @throws PruneError `bad-file` as {@link parseReport}.
 */
export function parseSensitivity(json: unknown, place = 'sensitivity'): Sensitivity {
  const refuse = fieldRefuser(place, 'Take the scan as sensitivity returned it.');
  const scan = withoutNull(json);
  if (!isRecord(scan)) return refuse('a scan', json);
  requireFields(scan, { criterion: WORD }, 'scan', refuse);
  requireScore(scan.dense, 'dense', refuse);
  requireEach(scan.groups, 'groups', requireGroup, refuse);
  return scan as unknown as Sensitivity;
}

function isShapes(value: unknown): boolean {
  return Array.isArray(value) && value.every(shape => Array.isArray(shape) && shape.every(isIndex));
}

const LISTS: Readonly<Record<string, Require>> = {
  stages: (stage, place, refuse) => {
    requireWholeCost(stage, place, refuse);
    requireFields(stage, { name: WORD }, place, refuse);
    requireKnown(stage, { loss: NUMBER, accuracy: NUMBER, latency: NUMBER }, place, refuse);
  },
  layers: (layer, place, refuse) => {
    requireFields(layer, { layer: WORD, before: NUMBER, after: NUMBER }, place, refuse);
  },
  certificates: (certificate, place, refuse) => {
    requireFields(certificate, { place: WORD, error: NUMBER, tolerance: NUMBER, probes: NUMBER }, place, refuse);
  },
};

const OPTIONAL: Readonly<Record<string, Require>> = {
  blocks: (block, place, refuse) => {
    requireFields(block, { name: WORD }, place, refuse);
    const { layers } = block as Record<string, unknown>;
    requireEach(layers, `${place}.layers`, requireWord, refuse);
  },
  turned: (stream, place, refuse) => {
    requireFields(stream, { name: WORD, before: NUMBER, after: NUMBER }, place, refuse);
  },
  undone: (step, place, refuse) => requireFields(step, { method: WORD, reason: WORD }, place, refuse),
  gammas: (history, place, refuse) => {
    requireFields(history, { l1: NUMBER, most: NUMBER }, place, refuse);
    const { counts } = history as Record<string, unknown>;
    const [first] = Array.isArray(counts) ? (counts as unknown[]) : [];
    const size = Array.isArray(first) ? first.length : 0;
    const isCounts = (bins: unknown): boolean => Array.isArray(bins) && bins.length === size && bins.every(isIndex);
    if (size === 0 || !(counts as unknown[]).every(isCounts)) {
      refuse(`lists of whole numbers, all as long, as ${place}.counts`, counts);
    }
  },
};

function requireWholeCost(cost: unknown, place: string, refuse: RefuseField): void {
  requireFields(cost, { units: NUMBER }, place, refuse);
  requireCost(cost, place, refuse);
}

function requireLatency(latency: unknown, refuse: RefuseField): void {
  requireFields(latency, { backend: WORD, batch: NUMBER, runs: NUMBER, speedup: NUMBER }, 'latency', refuse);
  const { before, after } = latency as Record<string, unknown>;
  for (const [name, timing] of Object.entries({ before, after })) {
    requireFields(timing, { median: NUMBER, least: NUMBER, most: NUMBER }, `latency.${name}`, refuse);
  }
}

function requireGroup(group: unknown, place: string, refuse: RefuseField): void {
  requireFields(group, { name: WORD, kind: WORD, units: NUMBER }, place, refuse);
  const { points } = group as Record<string, unknown>;
  requireEach(points, `${place}.points`, requirePoint, refuse);
}

function requirePoint(point: unknown, place: string, refuse: RefuseField): void {
  requireFields(point, { ratio: NUMBER, removed: NUMBER }, place, refuse);
  requireScore(point, place, refuse);
}

function requireScore(score: unknown, place: string, refuse: RefuseField): void {
  requireKnown(score, { loss: NUMBER, accuracy: NUMBER }, place, refuse);
  const { loss, accuracy } = score as Record<string, unknown>;
  if (loss === undefined && accuracy === undefined) refuse(`accuracy or loss in ${place}`, score);
}

function requireWord(value: unknown, place: string, refuse: RefuseField): void {
  if (typeof value !== 'string') refuse(`a word as ${place}`, value);
}
