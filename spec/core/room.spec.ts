import fc from 'fast-check';
import type { TypedArray } from '../../lib/core/array';
import { apart, roomFor } from '../../lib/core/room';

const MB = 2 ** 20;
const [floats, whole, bits] = [new Float32Array(), new Int32Array(), new Uint8Array()];

test('arrays of a large model share memory and do not overlap', () => {
  const lengths = fc.array(fc.tuple(fc.constantFrom<TypedArray>(floats, whole, bits), fc.nat({ max: 50 })), {
    minLength: 2,
  });
  fc.assert(
    fc.property(lengths, asked => {
      const { make } = roomFor([9 * MB]);
      const made = asked.map(([like, length]) => make(like, length));
      made.forEach((data, i) => data.fill(i));
      expect(made.map(data => [data.constructor, data.length])).toEqual(
        asked.map(([like, length]) => [like.constructor, length]),
      );
      made.forEach((data, i) => expect([...data].every(value => value === i)).toBe(true));
      expect(new Set(made.filter(({ length }) => length > 0).map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(1);
    }),
    { numRuns: 20 },
  );
});

test('no buffer is one that malloc would keep', () => {
  const { make } = roomFor([5 * MB, 4 * MB]);
  expect(make(floats, MB).buffer.byteLength).toBe(32 * MB);
});

test('more than was said gets another buffer, and what is large one of its own', () => {
  const { make } = roomFor([20 * MB]);
  const [first, second, large] = [20, 20, 40].map(size => make(bits, size * MB));
  expect(second.buffer).not.toBe(first.buffer);
  expect(large.buffer.byteLength).toBe(40 * MB);
  expect(make(bits, MB).buffer).toBe(second.buffer);
});

test('arrays that are large themselves leave the small ones apart', () => {
  expect(roomFor([40 * MB, MB])).toBe(apart);
});

test('the arrays of a small model are apart', () => {
  expect(roomFor(Array<number>(7).fill(MB))).toBe(apart);
  expect(apart.make(whole, 3)).toEqual(new Int32Array(3));
  expect(apart.make(whole, 3).buffer.byteLength).toBe(12);
  const part = new Float32Array(8).subarray(1, 3);
  expect(apart.admit(part)).toBe(part);
});

test('admits what is alone as it is, and a copy of what is not', () => {
  const room = roomFor([9 * MB]);
  const alone = Float32Array.of(1, 2, 3);
  expect(room.admit(alone)).toBe(alone);
  const copy = room.admit(alone.subarray(1));
  expect(copy).toEqual(Float32Array.of(2, 3));
  expect(copy.buffer).toBe(room.make(floats, 1).buffer);
});
