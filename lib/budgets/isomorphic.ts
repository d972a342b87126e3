/** One threshold for each kind of structure. */
import { leaves, type Checkpoint, type LayerSpec } from '../core/checkpoint';
import type { Group } from '../graph/group';
import { checkBudget, withSettings, keepBest, type Budget, type BudgetOptions, type Scored } from './budget';
import { takeLowest, unitCount } from './ranking';

/**
 * Sorts groups into classes of equal structure and removes round(ratio * units) of each class, the lowest scores of the
 * class first: scores are compared only where they mean the same. Of one class it is `global`, where all differ `uniform`.
 * Two groups are of one class when they are of one kind and the same sites hold their units, site by site: class of the
 * layer, parameter, axis, role. Sizes do not matter. A group at its minimum passes its share on within the class; a class
 * whose groups are all there gives no more. With `multipleOf` counts are rounded group by group afterwards.
 * Paper: Fang et al. 2024, 2407.04616 (isomorphic sub-structures are ranked apart from others).
 * Differs: classes are told apart by the multiset of sites, which isomorphic groups share, and not by comparing dependency
 * graphs; exact counts with stable ties, where the reference code cuts at a threshold; a floor per group.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group` when a group would keep nothing.
 */
export function isomorphic(options: BudgetOptions): Budget {
  checkBudget('isomorphic', options);
  const { ratio, minimum = 0 } = options;
  const budget: Budget = (scored, model) => {
    const counts = new Map<Scored, number>();
    for (const members of classesOf(scored, model)) {
      const left = takeLowest(members, ratio * unitCount(members), minimum);
      members.forEach((item, i) => counts.set(item, left.counts[i]));
    }
    return new Map(scored.map(item => keepBest(item, counts.get(item)!, options)));
  };
  return withSettings(budget, options);
}

function classesOf(scored: readonly Scored[], model: Checkpoint): readonly (readonly Scored[])[] {
  const layerClasses = new Map(leaves(model.topology).map(({ path, spec }) => [path, classOf(spec)]));
  const classes = new Map<string, Scored[]>();
  for (const item of scored) {
    const structure = structureOf(item.group, layerClasses);
    const members = classes.get(structure);
    if (members) members.push(item);
    else classes.set(structure, [item]);
  }
  return [...classes.values()];
}

/** A wrapper is of another class around another layer. */
function classOf({ className, config }: LayerSpec): string {
  const inner = config.layer as LayerSpec | undefined;
  return inner ? `${className}(${classOf(inner)})` : className;
}

function structureOf({ kind, sites }: Group, layerClasses: ReadonlyMap<string, string>): string {
  const held = sites.map(({ layer, parameter, axis, role }) =>
    [layerClasses.get(layer) ?? layer, parameter, axis, role].join(':'),
  );
  return [kind, ...held.sort()].join(' ');
}
