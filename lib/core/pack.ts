/** Plain data with typed arrays and maps in it as bytes, to the last bit, with a checksum. */
import { isRecord } from './json';

const TYPES = { float64: Float64Array, float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;
type TypeName = keyof typeof TYPES;
type Typed = InstanceType<(typeof TYPES)[TypeName]>;

const CHECKSUM = 32;
/** Typed arrays begin at multiples of it, which views of 64 bits need. */
const ALIGNED = 8;

/**
 * `value` as bytes: objects, lists, words, numbers (also those that JSON lacks), maps and typed arrays. What is undefined
 * is left out.
 */
export async function pack(value: unknown): Promise<Uint8Array> {
  const arrays: Typed[] = [];
  const head = new TextEncoder().encode(JSON.stringify(flatten(value, arrays)));
  const starts = aligned(CHECKSUM + 4 + head.length);
  const bytes = new Uint8Array(arrays.reduce((at, { byteLength }) => aligned(at + byteLength), starts));
  new DataView(bytes.buffer).setUint32(CHECKSUM, head.length, true);
  bytes.set(head, CHECKSUM + 4);
  let at = starts;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at = aligned(at + byteLength);
  }
  bytes.set(await checksum(bytes), 0);
  return bytes;
}

/** What {@link pack} was given; undefined for bytes that it did not make, or that were damaged since. */
export async function unpack(bytes: Uint8Array): Promise<unknown> {
  if (bytes.length < CHECKSUM + 4) return undefined;
  const sum = await checksum(bytes);
  if (sum.some((byte, i) => byte !== bytes[i])) return undefined;
  const own = bytes.slice(); // begins at 0, so that what is aligned in it is aligned in memory
  const length = new DataView(own.buffer).getUint32(CHECKSUM, true);
  const head = new TextDecoder().decode(own.subarray(CHECKSUM + 4, CHECKSUM + 4 + length));
  return restored(JSON.parse(head), { buffer: own.buffer, at: aligned(CHECKSUM + 4 + length) });
}

/** Only JSON; an object whose key `$` is taken says what stands there in truth. */
function flatten(value: unknown, arrays: Typed[]): unknown {
  if (typeof value === 'number' && !(Number.isFinite(value) && !Object.is(value, -0))) {
    return { $: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
  }
  if (Array.isArray(value)) return value.map(item => flatten(item, arrays));
  const type = typeOf(value);
  if (type !== undefined) {
    arrays.push(value as Typed);
    return { $: type, length: (value as Typed).length };
  }
  if (value instanceof Map) return { $: 'map', entries: flatten([...value], arrays) };
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if ('$' in value) return { $: 'object', entries: flatten(entries, arrays) };
  return Object.fromEntries(entries.map(([key, item]) => [key, flatten(item, arrays)]));
}

/** Goes through the same order as {@link flatten}, so that the arrays come in turn. */
function restored(value: unknown, source: { readonly buffer: ArrayBuffer; at: number }): unknown {
  if (Array.isArray(value)) return value.map(item => restored(item, source));
  if (!isRecord(value)) return value;
  if (value.$ === undefined) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restored(item, source)]));
  }
  if (value.$ === 'number') return Number(value.value);
  if (value.$ === 'map') return new Map(restored(value.entries, source) as [unknown, unknown][]);
  if (value.$ === 'object') return Object.fromEntries(restored(value.entries, source) as [string, unknown][]);
  const array = new TYPES[value.$ as TypeName](source.buffer, source.at, value.length as number).slice();
  source.at = aligned(source.at + array.byteLength);
  return array;
}

function typeOf(value: unknown): TypeName | undefined {
  return (Object.keys(TYPES) as TypeName[]).find(name => value instanceof TYPES[name]);
}

async function checksum(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes.slice(CHECKSUM)));
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGNED) * ALIGNED;
}
