/** From a plan back to the units of a model, with every check that a plan from outside needs. */
import { PruneError } from '../core/errors';
import type { Group } from '../graph/group';
import type { Unit } from '../rules/rule';
import { range, siteKey, type Plan, type PlanGroup, type PlanSite } from './plan';

/** For each group the indices of the units to remove, instead of those it had. */
export type Edits = Readonly<Record<string, readonly number[]>>;

/**
 * Refuses what is no plan, and a plan of another model.
 * @throws PruneError `bad-plan`.
 */
export function requireSource({ version, source, groups, blocks, turned }: Plan, sha256: string): void {
  if (version === 3 && turned) {
    throw bad('removals of units and blocks', 'streams that were turned to another basis', 'Run the method again.');
  }
  if (version !== 1 && version !== 2) {
    throw bad('version 1 or 2', String(version), 'Update tfjs-prune, or make a new plan.');
  }
  if (blocks !== undefined && !isList(blocks)) throw bad('a list of blocks', typeof blocks, 'Make a new plan.');
  if (!isList(groups)) throw bad('a list of groups', typeof groups, 'Make a new plan.');
  if (source?.sha256 === sha256) return;
  throw bad(
    `the model it was made for (sha256 ${short(String(source?.sha256))})`,
    `another model, or the same with other weights (${short(sha256)})`,
    'Give it the original model, or make a new plan for this one.',
  );
}

/** `plan` with other removals; its sites do not follow yet. */
export function withRemoved(plan: Plan, edits: Edits): Plan {
  const changes = new Map(Object.entries(edits));
  const unknown = [...changes.keys()].filter(name => plan.groups.every(group => group.name !== name));
  if (unknown.length > 0) {
    const known = plan.groups.filter(({ frozen }) => frozen === undefined).map(({ name }) => name);
    throw bad(`names of its groups, such as ${known.slice(0, 3).join(', ')}`, unknown.join(', '), 'Correct the names.');
  }
  const groups = plan.groups.map(group => ({ ...group, removed: changes.get(group.name) ?? group.removed }));
  return { ...plan, groups };
}

/**
 * The units that `groups[].removed` of `plan` names.
 * @throws PruneError `bad-plan` listing everything that does not fit the model: groups it does not have, group sizes,
 * indices out of range or twice, removals from frozen groups.
 */
export function removedUnits(plan: Pick<Plan, 'groups'>, all: readonly Group[]): ReadonlySet<Unit> {
  const known = new Map(all.map(group => [group.name, group]));
  const seen = new Set<string>();
  const problems: string[] = [];
  const removed = new Set<Unit>();
  for (const planned of plan.groups) {
    const group = known.get(planned.name);
    const problem = seen.has(planned.name) ? 'is listed twice' : problemOf(planned, group);
    if (problem !== undefined) problems.push(`"${planned.name}" ${problem}`);
    else for (const index of planned.removed) removed.add(group!.units[index]);
    seen.add(planned.name);
  }
  if (problems.length === 0) return removed;
  throw bad('groups as the model has them', problems.join('; '), 'Correct groups[].removed, or make a new plan.');
}

function problemOf({ units, removed, frozen }: PlanGroup, group: Group | undefined): string | undefined {
  if (group === undefined) return 'is not in the model';
  const size = group.units.length;
  if (units !== size) return `has ${size} units, not ${units}`;
  if (!isList(removed)) return 'has no list of removed units';
  const odd = removed.find(index => !Number.isInteger(index) || index < 0 || index >= size);
  if (odd !== undefined) return `has no unit ${odd} (0 to ${size - 1})`;
  const twice = removed.find((index, i) => removed.indexOf(index) !== i);
  if (twice !== undefined) return `removes unit ${twice} twice`;
  const reason = group.frozen ?? frozen;
  return reason !== undefined && removed.length > 0 ? `is frozen (${reason})` : undefined;
}

/**
 * Refuses a plan whose sites say something else than its groups.
 * @throws PruneError `bad-plan`.
 */
export function requireSites({ sites }: Plan, follow: readonly PlanSite[]): void {
  const cure = 'groups[].removed decides: editPlan(model, plan, {}) works out the sites anew.';
  if (!isList(sites)) throw bad('a list of sites', typeof sites, cure);
  const stated = new Map(sites.map(site => [siteKey(site), site]));
  const expected = new Map(follow.map(site => [siteKey(site), site]));
  const problems = [...new Set([...expected.keys(), ...stated.keys()])].flatMap(key =>
    contradiction(stated.get(key), expected.get(key)),
  );
  if (sites.length !== stated.size) problems.push('a site is listed twice');
  if (problems.length > 0) throw bad('sites that follow from the removed units', listed(problems), cure);
}

function contradiction(stated: PlanSite | undefined, expected: PlanSite | undefined): string[] {
  const { layer, weight, axis } = (stated ?? expected)!;
  const place = `"${layer}", weight ${weight}, axis ${axis}`;
  if (stated === undefined) return [`${place} is missing`];
  if (expected === undefined) return [`${place} loses nothing`];
  if (stated.role !== expected.role) return [`${place} is said to be one that ${stated.role}, not ${expected.role}`];
  return String(stated.kept) === String(expected.kept) ? [] : [`${place} keeps other positions`];
}

function listed(problems: readonly string[], most = 3): string {
  const rest = problems.length - most;
  return problems.slice(0, most).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

/** Positions of `site` that go, ascending. */
export function lostPositions({ kept }: PlanSite, length: number): readonly number[] {
  const stays = new Set(kept);
  return range(length).filter(position => !stays.has(position));
}

/** A plan may come from anywhere, whatever its type says. */
function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function short(sha256: string): string {
  return sha256.slice(0, 12);
}

function bad(expected: string, got: string, cure: string): PruneError {
  return new PruneError('bad-plan', { place: 'plan', expected, got, cure });
}
