import fc from 'fast-check';
import { unionFind } from '../../lib/graph/unionFind';

test('agrees with naive sets, and the smallest member speaks for each', () => {
  const pairs = fc.array(fc.tuple(fc.nat({ max: 19 }), fc.nat({ max: 19 })), { maxLength: 40 });
  fc.assert(
    fc.property(pairs, unions => {
      const units = unionFind();
      units.add(20);
      let sets = Array.from({ length: 20 }, (_, i) => new Set([i]));
      for (const [a, b] of unions) {
        units.union(a, b);
        const [x, y] = [a, b].map(unit => sets.find(set => set.has(unit))!);
        if (x !== y) sets = [...sets.filter(set => set !== x && set !== y), new Set([...x, ...y])];
      }
      for (const set of sets) for (const unit of set) expect(units.find(unit)).toBe(Math.min(...set));
    }),
  );
});

test('the order of unions does not matter', () => {
  const pairs = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })), { maxLength: 20 });
  fc.assert(
    fc.property(pairs, fc.nat(), (unions, by) => {
      const turned = unions.map((_, i) => unions[(i + by) % unions.length]).reverse();
      const roots = [unions, turned].map(order => {
        const units = unionFind();
        units.add(10);
        for (const [a, b] of order) units.union(b, a);
        return Array.from({ length: 10 }, (_, i) => units.find(i));
      });
      expect(roots[0]).toEqual(roots[1]);
    }),
  );
});

test('add numbers on, and long chains do not recurse', () => {
  const units = unionFind();
  expect([units.add(3), units.add(2), units.add(0), units.add(1)]).toEqual([0, 3, 5, 5]);
  const many = unionFind();
  many.add(200_000);
  for (let i = 199_999; i > 0; i--) many.union(i, i - 1);
  expect(many.find(199_999)).toBe(0);
});
