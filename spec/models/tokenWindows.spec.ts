import * as fc from 'fast-check';
import { tokenWindows } from 'tfjs-prune';
import { refusal } from '../zoo/refusal';

test('every window foretells the next token, and windows follow each other', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(99), { minLength: 10, maxLength: 60 }));
  fc.assert(
    fc.property(sizes, ([window, tokens]) => {
      const { inputs, targets } = tokenWindows(tokens, window);
      const [count] = inputs.shape;
      expect([inputs.shape, targets.shape]).toEqual([[count, window], [count, window]]); // prettier-ignore
      expect(count).toBe(Math.floor((tokens.length - 1) / window));
      expect([...inputs.data]).toEqual(tokens.slice(0, count * window));
      expect([...targets.data]).toEqual(tokens.slice(1, count * window + 1));
    }),
  );
});

test('too short a text, and no window, are refused', () => {
  expect(refusal(() => tokenWindows([1, 2, 3], 3)).message).toMatch(/expected at least 4 tokens, .* got 3/);
  expect(refusal(() => tokenWindows([1, 2, 3], 0)).message).toMatch(/window/);
});
