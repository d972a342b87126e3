/** LAMP: a way to make the magnitudes of layers comparable. */
import fc from 'fast-check';
import { magnitude } from '../../lib/criteria';
import { normalized } from '../../lib/criteria/normalize';
import { notedContext } from '../zoo/context';
import { branched, expectClose, fixture, groupNamed } from './observedNet';

const lamp = (values: readonly number[]): number[] =>
  Array.from(normalized({ values: Float64Array.from(values) }, 'lamp', groupNamed(branched(), 'f')).values);

test.each(['a', 'e'])('group %s is as NumPy says', async name => {
  const model = branched();
  const criterion = magnitude({ norm: 'l2', normalize: 'lamp' });
  const [{ values }] = await criterion.score([groupNamed(model, name)], model, notedContext().context);
  expectClose(values, fixture.lamp[name], 1e-12);
});

test('by hand: the square over the sum of squares of all that are not smaller, which equals share', () => {
  expectClose(lamp([3, 1, 2]), [9 / 9, 1 / 14, 4 / 13], 1e-15);
  expectClose(lamp([2, 1, 2, 0]), [4 / 8, 1 / 9, 4 / 8, 0], 1e-15);
  expect(lamp([0, 0])).toEqual([0, 0]);
  expect(lamp([])).toEqual([]);
});

test('keeps the order, does not see the scale, gives the largest 1, and does not follow the order of the units', () => {
  const positive = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(positive, fc.constantFrom(1e-6, 0.5, 1e6), (values, scale) => {
      const scores = lamp(values);
      const byScore = [...values.keys()].sort((i, j) => scores[i] - scores[j]);
      expect(byScore).toEqual([...values.keys()].sort((i, j) => values[i] - values[j]));
      expect(Math.max(...scores)).toBe(1);
      expectClose(lamp(values.map(value => value * scale)), scores, 1e-12);
      expectClose(lamp([...values].reverse()), [...scores].reverse(), 1e-12);
    }),
  );
});

test('a standard error cannot follow', () => {
  const scores = { values: Float64Array.of(1, 2), standardError: Float64Array.of(0.1, 0.1) };
  expect(normalized(scores, 'lamp', groupNamed(branched(), 'b'))).not.toHaveProperty('standardError');
});
