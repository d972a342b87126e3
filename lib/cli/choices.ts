/** What decides which units go, and how many, from the options of a command line. */
import { costTarget, global, isomorphic, uniform, type Budget, type BudgetOptions } from '../budgets';
import { checkKeyword } from '../core/check';
import type { Need } from '../core/context';
import {
  activation,
  fisher,
  fluctuation,
  gamma,
  geometricMedian,
  groupNorm,
  hrank,
  magnitude,
  random,
  taylor,
  wanda,
  type Criterion,
} from '../criteria';
import { refusal } from './arguments';
import type { Given, Options } from './command';

const CRITERIA: Readonly<Record<string, () => Criterion<Need>>> = {
  l1: () => magnitude({ norm: 'l1' }),
  l2: () => magnitude({ norm: 'l2' }),
  gamma,
  geometricMedian,
  groupNorm,
  taylor,
  fisher,
  activation: () => activation(),
  apoz: () => activation({ statistic: 'apoz' }),
  wanda,
  fluctuation,
  hrank,
  random,
};

const LOOKING = Object.keys(CRITERIA).filter(name => CRITERIA[name]().needs.length > 0);
const WEIGHING = Object.keys(CRITERIA).filter(name => !LOOKING.includes(name));

const SCOPES: Readonly<Record<string, (options: BudgetOptions) => Budget>> = { uniform, global, isomorphic };

export const CHOICES: Options = {
  ratio: { value: 'R', help: 'remove this fraction of the units, in [0, 1); default 0.5' },
  macs: { value: 'F', help: 'or as few as leave at most this fraction of the MACs, in (0, 1]' },
  params: { value: 'F', help: 'or as few as leave at most this fraction of the parameters' },
  criterion: {
    value: 'NAME',
    help: `which units matter, default l1\nby the weights: ${WEIGHING.join(', ')};\nby the examples of --data: ${LOOKING.join(', ')}`,
  },
  scope: {
    value: 'NAME',
    help: 'rank units within each group (uniform, the default), over all groups (global), or\nover all groups of one structure (isomorphic)',
  },
  minimum: { value: 'M', help: 'least units a group keeps; below 1 a fraction of the group; default 1' },
  'multiple-of': { value: 'N', help: 'round the units that a group keeps to a multiple of N; default 1' },
};

export interface Choice {
  /** What it needs is given: without --data it needs nothing. */
  readonly criterion: Criterion<Need>;
  readonly budget: Budget;
  /** What was chosen, defaults included, by the names of the options. */
  readonly settings: Readonly<Record<string, string | number>>;
}

/** @throws PruneError `bad-option`, `bad-ratio`. */
export function choiceFrom(given: Given): Choice {
  const criterion = keyword(given, 'criterion', CRITERIA, 'l1');
  if (LOOKING.includes(criterion) && !given.has('data')) throw refusal(`--data FILE, which ${criterion} looks at`, 'none', 'prune'); // prettier-ignore
  const scope = keyword(given, 'scope', SCOPES, 'uniform');
  const amount = amountFrom(given);
  const value = given.number(amount) ?? 0.5;
  const [minimum, multipleOf] = [given.number('minimum') ?? 1, given.number('multiple-of') ?? 1];
  const floor = { minimum, multipleOf };
  const budgets: Readonly<Record<Amount, () => Budget>> = {
    ratio: () => SCOPES[scope]({ ratio: value, ...floor }),
    macs: () => costTarget({ macs: value, scope: SCOPES[scope], ...floor }),
    params: () => costTarget({ parameters: value, scope: SCOPES[scope], ...floor }),
  };
  return {
    criterion: CRITERIA[criterion](),
    budget: budgets[amount](),
    settings: { criterion, scope, [amount]: value, minimum, 'multiple-of': multipleOf },
  };
}

const AMOUNTS = ['ratio', 'macs', 'params'] as const;
type Amount = (typeof AMOUNTS)[number];

function amountFrom(given: Given): Amount {
  const [first = 'ratio', ...others] = AMOUNTS.filter(given.has);
  if (others.length === 0) return first;
  const list = [first, ...others].map(name => `--${name}`).join(' and ');
  throw refusal('one of --ratio, --macs and --params', list, 'prune');
}

function keyword(given: Given, option: string, table: Readonly<Record<string, unknown>>, fallback: string): string {
  return checkKeyword('arguments', `--${option}`, given.word(option) ?? fallback, Object.keys(table));
}
