/** Units that give the same for every example. */
import { zeroAt } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { random } from '../../lib/core/random';
import type { Group } from '../../lib/graph/group';
import type { Trace } from '../../lib/graph/ledger';
import type { Unit } from '../../lib/rules/rule';

/** `model` in which every gamma of `units` is zero or, where they have none, everything that makes them but the bias. */
export function withDead(model: Checkpoint, traced: Trace, units: ReadonlySet<Unit>): Checkpoint {
  const weights = new Map(model.weights);
  const scaled = new Set(traced.sites.flatMap(({ parameter, width }) => (parameter === 'gamma' ? [...width] : [])));
  for (const { layer, weight, axis, width, role, parameter } of traced.sites) {
    const dies = (unit: Unit): boolean =>
      units.has(unit) && (scaled.has(unit) ? parameter === 'gamma' : role === 'makes' && parameter !== 'bias');
    const positions = [...width.keys()].filter(position => dies(width[position]));
    const arrays = weights.get(layer)!;
    weights.set(
      layer,
      arrays.map((array, i) => (i === weight ? zeroAt(array, axis, positions) : array)),
    );
  }
  return { ...model, weights };
}

/** A third of the units of every group that is not frozen, drawn by `seed`; each group keeps at least one. */
export function someUnits(groups: readonly Group[], seed: number): Set<Unit> {
  const { permutation } = random(seed, 'dead');
  const open = groups.filter(({ frozen }) => frozen === undefined);
  return new Set(
    open.flatMap(({ units }) => {
      const count = Math.min(units.length - 1, Math.ceil(units.length / 3));
      return [...permutation(units.length).subarray(0, count)].map(i => units[i]);
    }),
  );
}
