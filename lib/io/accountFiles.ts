/** The files beside a model that say what was done to it, and how to tell them from files of others. */
import { isRecord } from '../core/json';
import { objectIn } from './jsonFile';

export const PLAN_FILE = 'plan.json';
export const REPORT_FILE = 'report.json';

/** Whether a file of that name is ours to replace, and not somebody's other plan. */
export function isPlanFile(text: string): boolean {
  const { version, source, sites } = objectIn(text) ?? {};
  return version !== undefined && isRecord(source) && typeof source.sha256 === 'string' && Array.isArray(sites);
}

/** Whether a file of that name is ours to replace, and not somebody's other report. */
export function isReportFile(text: string): boolean {
  const { method, before, after, stages, certificates } = objectIn(text) ?? {};
  return typeof method === 'string' && [before, after].every(isRecord) && [stages, certificates].every(Array.isArray);
}
