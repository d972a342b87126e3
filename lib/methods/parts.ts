/** The parts of transformers, found by what is wired to what: no layer is known by its name. */
import type { Need } from '../core/context';
import { PruneError } from '../core/errors';
import { groupsOf, type Group } from '../graph/group';
import type { Site, Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import type { Method } from './method';
import type { GroupFilter } from './prune';

/** For `groups` of `prune`, `iterative` and the like: heads of attention, of which a key and value head with the query heads that hear it is one. */
export function isHeads({ kind }: Group): boolean {
  return kind === 'heads';
}

/**
 * Neurons between two layers of one stream: what makes them reads the units that what reads them makes. Not those of a pooler or a
 * classifier.
 */
export function isFeedForward({ kind, sites }: Group, { sites: all }: Trace): boolean {
  if (kind !== 'neurons') return false;
  const kernels = sites.filter(({ parameter, role }) => parameter === 'kernel' && role !== 'scales');
  const others = kernels.map(site => all.find(other => isAcross(site, other)));
  const [stream] = others;
  const ends = new Set(kernels.map(({ role }) => role));
  return (
    ends.size === 2 && others.every(other => stream !== undefined && String(other?.width) === String(stream.width))
  );
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

function noParts(place: string, parts: readonly Part[], all: readonly Group[]): PruneError {
  const kinds = [...new Set(all.map(({ kind, frozen }) => (frozen === undefined ? kind : `${kind} (frozen)`)))];
  return new PruneError('no-groups', {
    place,
    expected: `a model with ${parts.map(({ name }) => name).join(' or ')} that can go`,
    got: kinds.length === 0 ? 'no units' : `units that are ${kinds.join(', ')}`,
    cure: "Take one of loadLlama, loadBert or loadVit, or with attention layers of this library (units: 'heads'); prune prunes any other.",
  });
}
