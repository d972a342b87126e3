/** A name for an exact content. */
import type { Checkpoint } from './checkpoint';

/**
 * SHA-256, in hex, over the topology's JSON and every weight's path, shape and bytes; the same in Node and browsers, and
 * for a model that tf.js saved and loaded.
 */
export async function hashOf({ topology, weights }: Checkpoint): Promise<string> {
  const encoder = new TextEncoder();
  const parts: Uint8Array<ArrayBuffer>[] = [encoder.encode(JSON.stringify(topology, withoutNull))];
  for (const [path, arrays] of weights) {
    for (const { shape, dtype, data } of arrays) {
      parts.push(encoder.encode(`\n${path} ${dtype} [${shape.join(',')}]\n`));
      parts.push(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
    }
  }
  // One hash per part and one over them keeps large models from being copied into a single buffer.
  const hashes = new Uint8Array(parts.length * 32);
  for (const [i, part] of parts.entries()) hashes.set(await sha256(part), i * 32);
  return toHex(await sha256(hashes));
}

/** SHA-256, in hex, of a value's JSON: of the bytes of the file, where that holds `JSON.stringify(value)`. */
export async function hashOfJson(value: object): Promise<string> {
  return toHex(await sha256(new TextEncoder().encode(JSON.stringify(value))));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** tf.js reads a setting that was never given back as null. */
function withoutNull(_key: string, value: unknown): unknown {
  return value === null ? undefined : value;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', bytes));
}
