/** From the positions of a gate to the units of a group. */

/** How many positions each of `units` has. */
export function positionsOf(members: Int32Array, units: number): Float64Array {
  const counts = new Float64Array(units);
  for (const member of members) if (member >= 0) counts[member] += 1;
  return counts;
}

/** Adds to `row`, unit by unit, what `values` hold from `from` on at its positions, times its share. */
export function addAt(
  row: Float64Array,
  values: ArrayLike<number>,
  from: number,
  members: Int32Array,
  shares: Float64Array,
): void {
  for (let position = 0; position < members.length; position++) {
    const member = members[position];
    if (member >= 0) row[member] += shares[member] * values[from + position];
  }
}
