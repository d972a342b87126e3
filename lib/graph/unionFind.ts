/** Sets of units that are one and the same; the smallest member speaks for its set, so that results do not depend on order. */
import type { Unit } from '../rules/rule';

export interface UnionFind {
  /** Adds `length` sets of one unit and returns the first. */
  add(length: number): Unit;
  find(unit: Unit): Unit;
  union(a: Unit, b: Unit): void;
}

export function unionFind(): UnionFind {
  const parents: Unit[] = [];
  const find = (unit: Unit): Unit => {
    while (parents[unit] !== unit) {
      parents[unit] = parents[parents[unit]];
      unit = parents[unit];
    }
    return unit;
  };
  return {
    find,
    add(length) {
      const first = parents.length;
      for (let i = 0; i < length; i++) parents.push(first + i);
      return first;
    },
    union(a, b) {
      const x = find(a);
      const y = find(b);
      parents[Math.max(x, y)] = Math.min(x, y);
    },
  };
}
