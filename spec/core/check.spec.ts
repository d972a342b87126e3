import fc from 'fast-check';
import { checkAborted, checkKeyword, checkNumber, checkRatio } from '../../lib/core/check';
import { PruneError } from '../../lib/core/errors';
import { refusal } from '../zoo/refusal';

describe('PruneError', () => {
  test('reads "place: expected X, got Y. Cure." and keeps code and cause', () => {
    const cause = new Error('below');
    const error = new PruneError(
      'bad-option',
      { place: 'here', expected: 'one', got: 'two', cure: 'Pass one.' },
      { cause },
    );
    expect(error.message).toBe('here: expected one, got two. Pass one.');
    expect(error.code).toBe('bad-option');
    expect(error.name).toBe('PruneError');
    expect(error.cause).toBe(cause);
    expect(error).toBeInstanceOf(Error);
  });
});

describe('checkRatio', () => {
  test('returns every ratio in [0, 1)', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), ratio => {
        expect(checkRatio('place', ratio)).toBe(ratio);
      }),
    );
  });

  test.each([1, 50, 100, -0.1, NaN, Infinity, '0.5' as unknown as number, undefined as unknown as number])(
    'refuses %p as bad-ratio',
    ratio => {
      expect(refusal(() => checkRatio('prune', ratio)).code).toBe('bad-ratio');
    },
  );

  test('reads a percentage as one', () => {
    expect(refusal(() => checkRatio('prune', 50)).message).toBe(
      'prune: expected ratio in [0, 1), the fraction of units to remove, got 50. For 50 % write 0.5.',
    );
    expect(refusal(() => checkRatio('prune', -1, 'cut')).message).toBe(
      'prune: expected cut in [0, 1), the fraction of units to remove, got -1. Pass for example 0.5.',
    );
  });

  test('never advises a ratio that it would refuse', () => {
    fc.assert(
      fc.property(fc.double({ min: -10, max: 200, noNaN: true }), ratio => {
        fc.pre(ratio < 0 || ratio >= 1);
        const advised = /(?:write|example) ([\d.e-]+)\.$/.exec(refusal(() => checkRatio('prune', ratio)).message)?.[1];
        expect(checkRatio('prune', Number(advised))).toBe(Number(advised));
      }),
    );
  });
});

describe('checkNumber', () => {
  test.each([
    [3, {}],
    [3, { least: 3 }],
    [3, { most: 3 }],
    [3, { above: 2.9 }],
    [3, { integer: true }],
    [-0.5, { least: -1, most: 0 }],
  ])('returns %p within %j', (value, bounds) => {
    expect(checkNumber('place', 'name', value, bounds)).toBe(value);
  });

  test.each([
    [2, { least: 3 }, 'fit: expected epochs to be a number >= 3, got 2. Change epochs.'],
    [4, { most: 3 }, 'fit: expected epochs to be a number <= 3, got 4. Change epochs.'],
    [0, { above: 0, most: 1 }, 'fit: expected epochs to be a number > 0 and <= 1, got 0. Change epochs.'],
    [1.5, { least: 1, integer: true }, 'fit: expected epochs to be an integer >= 1, got 1.5. Change epochs.'],
    [NaN, {}, 'fit: expected epochs to be a number, got NaN. Change epochs.'],
    [Infinity, { least: 0 }, 'fit: expected epochs to be a number >= 0, got Infinity. Change epochs.'],
    ['7' as unknown as number, {}, 'fit: expected epochs to be a number, got 7. Change epochs.'],
  ])('refuses %p within %j', (value, bounds, message) => {
    const error = refusal(() => checkNumber('fit', 'epochs', value, bounds));
    expect(error.code).toBe('bad-option');
    expect(error.message).toBe(message);
  });
});

describe('checkKeyword', () => {
  test('returns an allowed word and lists them all otherwise', () => {
    expect(checkKeyword('place', 'norm', 'l1', ['l1', 'l2'])).toBe('l1');
    const error = refusal(() => checkKeyword('magnitude', 'norm', 'l3', ['l1', 'l2']));
    expect(error.code).toBe('bad-option');
    expect(error.message).toBe('magnitude: expected norm to be one of l1, l2, got "l3". Use one of the words listed.');
    expect(
      refusal(() => checkKeyword<string>('place', 'norm', undefined as unknown as string, ['l1'])).message,
    ).toContain('got undefined');
  });
});

describe('checkAborted', () => {
  test('passes without a signal and before the abort', () => {
    expect(() => checkAborted('place', undefined)).not.toThrow();
    expect(() => checkAborted('place', new AbortController().signal)).not.toThrow();
  });

  test('throws aborted with the reason as cause', () => {
    const controller = new AbortController();
    controller.abort('enough');
    const error = refusal(() => checkAborted('fit', controller.signal));
    expect(error.code).toBe('aborted');
    expect(error.cause).toBe('enough');
    expect(error.message).toContain('fit: expected to run to the end');
  });
});
