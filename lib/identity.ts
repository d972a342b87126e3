/** What tells a run from every other: all that its bytes follow from, as far as it can be told. */
import type { Checkpoint } from './core/checkpoint';
import type { Need } from './core/context';
import { hashOf } from './core/hash';
import { describeSettings } from './core/settings';
import { VERSION } from './core/version';
import type { Method } from './methods';
import { backendName } from './runtime/backend';
import type { Splits } from './runtime/data';

/** Of the files that keep a run. */
const FORMAT = 4;

export interface Identity<N extends Need> {
  readonly method: Method<N>;
  readonly original: Checkpoint;
  readonly splits: Splits | undefined;
  readonly seed: number;
}

/** JSON, entry by entry. A function of the user's counts by its text; what it closes over cannot be seen. */
export async function identify<N extends Need>({ method, original, splits, seed }: Identity<N>) {
  const { name, settings } = method;
  return {
    format: FORMAT,
    version: VERSION,
    backend: backendName(),
    method: name,
    options: describeSettings(settings) ?? null,
    seed,
    model: await hashOf(original),
    data: splits ? await hashOfSplits(splits) : null,
    loss: describeSettings(splits?.loss) ?? null,
  };
}

async function hashOfSplits({ train, validation, test }: Splits): Promise<string> {
  const weights = new Map(
    Object.entries({ train, validation, test }).flatMap(([name, split]) =>
      split ? Object.entries(split).map(([part, arrays]) => [`${name}/${part}`, arrays] as const) : [],
    ),
  );
  return hashOf({ topology: { className: 'data', config: { name: 'data', layers: [] } }, weights });
}
