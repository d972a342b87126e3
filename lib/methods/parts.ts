/** The parts of transformers, found by what is wired to what: no layer is known by its name. */
import type { Checkpoint } from '../core/checkpoint';
import type { Need } from '../core/context';
import { PruneError } from '../core/errors';
import { blocks, type Block } from '../graph/blocks';
import { groupsOf, type Group } from '../graph/group';
import type { Site, Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { add, multiply } from '../rules/merge';
import { sameWidth, type Flow } from '../rules/rule';
import type { Method } from './method';
import type { GroupFilter } from './prune';

/** For `groups` of `prune`, `iterative` and the like: heads of attention, of which a key and value head with the query heads that hear it is one. */
export function isHeads({ kind }: Group): boolean {
  return kind === 'heads';
}

/**
 * The same for neurons inside a residual stream: what makes them reads the units that what reads them makes, and adds to. Not those of a
 * pooler, a classifier, or a gate on channels.
 */
export function isFeedForward({ kind, sites }: Group, traced: Trace): boolean {
  if (kind !== 'neurons') return false;
  const kernels = sites.filter(({ parameter }) => parameter === 'kernel');
  const stream = kernels.map(site => traced.sites.find(other => isAcross(site, other))?.width);
  const [first] = stream;
  const of = (wanted: Site['role']): string[] => kernels.flatMap(({ role, layer }) => (role === wanted ? [layer] : []));
  const [makers, readers] = [of('makes'), of('reads')];
  return (
    makers.length > 0 &&
    readers.length > 0 &&
    first !== undefined &&
    stream.every(width => width !== undefined && sameWidth(width, first)) &&
    traced.calls
      .filter(({ layer }) => readers.includes(layer))
      .every(({ inputs, outputs }) => isBent(inputs[0], makers, traced) && isAdded(outputs[0], traced))
  );
}

/** Whether nothing but layers with one input, and products, lie between the makers and `flow`: no mixing of places. */
function isBent(flow: Flow, makers: readonly string[], traced: Trace): boolean {
  const from = traced.calls.find(({ outputs }) => outputs.includes(flow));
  if (from === undefined || makers.includes(from.layer)) return from !== undefined;
  return (from.inputs.length === 1 || from.rule === multiply) && from.inputs.every(one => isBent(one, makers, traced));
}

/** Whether what `flow` holds is added to something, behind layers that only pass it on. */
function isAdded(flow: Flow, traced: Trace): boolean {
  return traced.calls.some(({ rule, inputs, outputs: [out] }) => {
    if (!inputs.includes(flow)) return false;
    if (inputs.length > 1) return rule === add;
    return sameWidth(out.width, flow.width) && isAdded(out, traced);
  });
}

/** Whether `other` is the other end of the kernel of `site`. */
function isAcross({ layer, weight, role }: Site, other: Site): boolean {
  return other.layer === layer && other.weight === weight && other.role !== role;
}

/** What a preset may prune, and how it is called where there is none. */
export interface Part {
  readonly name: string;
  readonly has: GroupFilter;
}

export const HEADS: Part = { name: 'attention heads', has: isHeads };
export const FEED_FORWARD: Part = { name: 'feed-forward neurons', has: isFeedForward };

/**
 * `make` of a filter for `parts` alone, called `name`.
 * @throws PruneError, when run, `no-groups` for a model that has none that can go.
 */
export function onParts<N extends Need>(
  name: string,
  parts: readonly Part[],
  make: (groups: GroupFilter) => Method<N>,
): Method<N> {
  const filter: GroupFilter = (group, traced) => parts.some(({ has }) => has(group, traced));
  const method = make(filter);
  return {
    ...method,
    name: `${name}(${method.name})`,
    async run(model, context) {
      const traced = trace(model);
      const all = groupsOf(traced);
      if (!all.some(group => group.frozen === undefined && filter(group, traced))) throw noParts(name, parts, all);
      return method.run(model, context);
    },
  };
}

/**
 * The innermost residual branches of `model` that hold all of what makes and reads units of `part`.
 * @throws PruneError `no-groups` where there are none.
 */
export function branchesWith(place: string, part: Part, model: Checkpoint): readonly Block[] {
  const traced = trace(model);
  const all = groupsOf(traced);
  const own = all.filter(group => part.has(group, traced));
  const { branches } = blocks(model);
  const holders = new Set(branches.map(block => block.branches[0].inside));
  const found = branches.filter(({ name, layers }) => {
    return !holders.has(name) && own.some(({ sites }) => sites.every(({ layer }) => layers.includes(layer)));
  });
  if (found.length > 0) return found;
  throw noParts(place, [part], all);
}

function noParts(place: string, parts: readonly Part[], all: readonly Group[]): PruneError {
  const kinds = [...new Set(all.map(({ kind, frozen }) => (frozen === undefined ? kind : `${kind} (frozen)`)))];
  return new PruneError('no-groups', {
    place,
    expected: `a model with ${parts.map(({ name }) => name).join(' or ')} that can go`,
    got: kinds.length === 0 ? 'no units' : `units that are ${kinds.join(', ')}`,
    cure: "Take one of loadLlama, loadBert or loadVit, or with attention layers of this library (units: 'heads'); prune prunes any other.",
  });
}
