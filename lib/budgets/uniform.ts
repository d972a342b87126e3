/** The same fraction of every group. */
import { checkRatio } from '../core/check';
import { PruneError } from '../core/errors';
import { checkBudget, withSettings, floorOf, keepBest, type Budget, type BudgetOptions, type Scored } from './budget';

export interface UniformOptions extends BudgetOptions {
  /** Ratios of single groups, by name (as `inspect` prints it), instead of `ratio`. */
  readonly ratios?: Readonly<Record<string, number>>;
}

/**
 * Removes round(ratio * units) of each group, exactly, the lowest scores first.
 * @throws PruneError `bad-ratio`, `bad-option`; when run, `empty-group`, and `bad-option` for a name in `ratios` that no
 * scored group has.
 */
export function uniform(options: UniformOptions): Budget {
  checkBudget('uniform', options);
  const { ratio, minimum = 0 } = options;
  const ratios = new Map(Object.entries(options.ratios ?? {}));
  for (const [name, own] of ratios) checkRatio('uniform', own, `ratios["${name}"]`);
  const budget: Budget = scored => {
    requireGroups([...ratios.keys()], scored);
    return new Map(
      scored.map(item => {
        const size = item.scores.length;
        const gone = Math.round((ratios.get(item.group.name) ?? ratio) * size);
        const count = Math.max(size - gone, floorOf(item.group, minimum));
        return keepBest(item, count, options, `Lower ratio below ${roundedDown(1 - 0.5 / size)} or set minimum: 1.`);
      }),
    );
  };
  return withSettings(budget, options);
}

function requireGroups(names: readonly string[], scored: readonly Scored[]): void {
  const known = scored.map(({ group }) => group.name);
  const unknown = names.find(name => !known.includes(name));
  if (unknown === undefined) return;
  throw new PruneError('bad-option', {
    place: 'uniform',
    expected: `ratios to name groups that are scored, such as ${known.slice(0, 3).join(', ')}`,
    got: `"${unknown}"`,
    cure: 'Use the names that inspect prints; frozen and protected groups have no ratio.',
  });
}

function roundedDown(ratio: number): string {
  const digits = ratio < 0.99 ? 2 : 5;
  return (Math.floor(ratio * 10 ** digits) / 10 ** digits).toFixed(digits);
}
