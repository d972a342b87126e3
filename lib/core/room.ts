/**
 * Memory for the arrays of a model. What C's malloc has once given out in pieces below 32 MB mostly stays with the process
 * after it is freed; larger pieces are pages of their own and go back to the system. So the arrays of a large model share a few
 * large buffers, which are collected with the last of them.
 */

/** What the values of a tensor are kept in. */
export type TypedArray = Float32Array | Int32Array | Uint8Array;

export interface Room {
  /** A new array of zeros, of the type of `like`. */
  make(like: TypedArray, length: number): TypedArray;
  /** `data`, or a copy in here where it would keep alive the memory of arrays that are elsewhere. */
  admit(data: TypedArray): TypedArray;
}

/** What glibc maps as pages of its own, whatever it was asked for before. */
const BLOCK = 2 ** 25;
const LARGEST_BLOCK = 2 ** 28;
/** Below this it is not worth it to keep arrays together. */
const LEAST = 2 ** 23;

/** Each array in a buffer of its own. */
export const apart: Room = {
  make: (like, length) => view(like, new ArrayBuffer(length * like.BYTES_PER_ELEMENT), 0, length),
  admit: data => data,
};

/**
 * Room for arrays of these sizes in bytes, which are to live and die together: what is below 32 MB shares buffers, of which
 * nothing is touched beyond what is used. The arrays of a small model are kept {@link apart}.
 */
export function roomFor(sizes: Iterable<number>): Room {
  let left = 0;
  for (const bytes of sizes) if (bytes < BLOCK) left += aligned(bytes);
  if (left < LEAST) return apart;
  let [block, used] = [new ArrayBuffer(0), 0];
  const make: Room['make'] = (like, length) => {
    const bytes = length * like.BYTES_PER_ELEMENT;
    if (bytes >= BLOCK) return apart.make(like, length);
    if (used + bytes > block.byteLength) {
      [block, used] = [new ArrayBuffer(Math.max(BLOCK, Math.min(left, LARGEST_BLOCK))), 0];
    }
    const at = used;
    used += aligned(bytes);
    left -= aligned(bytes);
    return view(like, block, at, length);
  };
  const admit: Room['admit'] = data => {
    if (data.buffer.byteLength === data.byteLength) return data;
    const copy = make(data, data.length);
    copy.set(data);
    return copy;
  };
  return { make, admit };
}

function view(like: TypedArray, buffer: ArrayBuffer, at: number, length: number): TypedArray {
  if (like instanceof Float32Array) return new Float32Array(buffer, at, length);
  return like instanceof Int32Array ? new Int32Array(buffer, at, length) : new Uint8Array(buffer, at, length);
}

/** Where an array of any type may begin. */
function aligned(bytes: number): number {
  return 8 * Math.ceil(bytes / 8);
}
