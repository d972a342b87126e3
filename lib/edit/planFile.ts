/** A plan from elsewhere, read with distrust. */
import { PruneError } from '../core/errors';
import { describe, firstTwin, isIndex, isRecord } from '../core/json';
import { isHash } from '../core/provenance';
import type { Plan } from './plan';
import { requireAccount } from './planAccount';

/**
 * `json` itself when it is a plan of version 1 to 3; fields that this version does not know are left in it.
 * @throws PruneError `bad-file` at the first field that is missing or makes no sense; `place` names the file.
 */
export function parsePlan(json: unknown, place = 'plan'): Plan {
  const refuse: Refuse = (expected, got, cure = 'Take the plan as compress returned or saved it.') => {
    throw new PruneError('bad-file', { place, expected, got: describe(got), cure });
  };
  if (!isRecord(json)) return refuse('a plan', json);
  const { version, source, method, seed, blocks = [], groups, sites, turned = [] } = json;
  if (version !== 1 && version !== 2 && version !== 3) {
    refuse('a plan of version 1 to 3', version, 'Read it with the release of tfjs-prune that wrote it.');
  }
  if (!isRecord(source) || !isHash(source.sha256)) refuse('source.sha256 with 64 hex digits', source);
  if (typeof method !== 'string') refuse('the name of a method', method);
  if (!Number.isFinite(seed)) refuse('a number as seed', seed);
  if (!Array.isArray(blocks)) return refuse('a list of blocks', blocks);
  if (!Array.isArray(turned)) return refuse('a list of turned streams', turned);
  if ((version === 3) !== turned.length > 0) refuse('turned streams in version 3, and in no other', turned);
  turned.forEach((stream, i) => requireStream(stream, `turned[${i}]`, refuse));
  blocks.forEach((block, i) => requireBlock(block, `blocks[${i}]`, refuse));
  if (!Array.isArray(groups)) return refuse('a list of groups', groups);
  if (!Array.isArray(sites)) return refuse('a list of sites', sites);
  groups.forEach((group, i) => requireGroup(group, `groups[${i}]`, refuse));
  requireAccount(json, refuse);
  sites.forEach((site, i) => requireSite(site, `sites[${i}]`, refuse));
  const names = (groups as { name: string }[]).map(({ name }) => name);
  requireOwn(names, 'groups of different names', refuse);
  const keys = (sites as { layer: string; weight: number; axis: number }[]).map(
    ({ layer, weight, axis }) => `${layer}, weight ${weight}, axis ${axis}`,
  );
  requireOwn(keys, 'one site for each axis of a weight', refuse);
  return json as unknown as Plan;
}

type Refuse = (expected: string, got: unknown, cure?: string) => never;

function requireBlock(block: unknown, place: string, refuse: Refuse): void {
  if (!isRecord(block)) return refuse(`a block in ${place}`, block);
  const { name, branches, layers } = block;
  if (typeof name !== 'string') refuse(`a name in ${place}`, name);
  if (!isNames(branches)) refuse(`names as branches in ${place}`, branches);
  if (!isNames(layers)) refuse(`paths as layers in ${place}`, layers);
}

function requireStream(stream: unknown, place: string, refuse: Refuse): void {
  if (!isRecord(stream)) return refuse(`a stream in ${place}`, stream);
  const { name, before, after } = stream;
  if (typeof name !== 'string') refuse(`a name in ${place}`, name);
  if (!isIndex(before) || !isIndex(after)) refuse(`before and after in ${place} to be whole numbers`, stream);
}

function isNames(list: unknown): boolean {
  return Array.isArray(list) && list.every(name => typeof name === 'string');
}

function requireGroup(group: unknown, place: string, refuse: Refuse): void {
  if (!isRecord(group)) return refuse(`a group in ${place}`, group);
  const { name, kind, units, removed, frozen } = group;
  if (typeof name !== 'string' || typeof kind !== 'string') refuse(`name and kind in ${place}`, group);
  if (!isIndex(units)) return refuse(`a number of units in ${place}`, units);
  if (!isAscending(removed, units)) refuse(`removed in ${place} to be rising numbers below ${units}`, removed);
  if (!['undefined', 'string'].includes(typeof frozen)) refuse(`a reason as frozen in ${place}`, frozen);
}

function requireSite(site: unknown, place: string, refuse: Refuse): void {
  if (!isRecord(site)) return refuse(`a site in ${place}`, site);
  const { layer, weight, axis, role, kept } = site;
  if (typeof layer !== 'string' || typeof role !== 'string') refuse(`layer and role in ${place}`, site);
  if (!isIndex(weight) || !isIndex(axis)) refuse(`weight and axis in ${place} to be whole numbers`, site);
  if (!isAscending(kept, Infinity)) refuse(`kept in ${place} to be rising numbers`, kept);
}

function requireOwn(names: readonly string[], expected: string, refuse: Refuse): void {
  const twin = firstTwin(names);
  if (twin !== undefined) refuse(expected, `${twin} twice`);
}

function isAscending(list: unknown, end: number): boolean {
  if (!Array.isArray(list)) return false;
  return list.every((value, i) => isIndex(value) && value < end && (i === 0 || value > (list[i - 1] as number)));
}
