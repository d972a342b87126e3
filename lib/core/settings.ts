/** What a method, a criterion or a budget was made with, as far as it can be told. */
import { isRecord } from './json';

/**
 * `value` as JSON that differs where its content does: functions are their text and their own properties (a budget's
 * `settings`), typed arrays a digest. What a function closes over cannot be seen.
 */
export function describeSettings(value: unknown, inside: readonly object[] = []): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') {
    return { text: String(value), ...described({ ...value }, inside) };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (inside.includes(value)) return 'itself';
  const within = [...inside, value];
  if (ArrayBuffer.isView(value)) return digest(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof Map) return [...value].map(entry => describeSettings(entry, within));
  if (Array.isArray(value)) return value.map(item => describeSettings(item, within));
  return isRecord(value) ? described(value, within) : String(value);
}

function described(value: Record<string, unknown>, inside: readonly object[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, describeSettings(item, inside)]));
}

/** FNV-1a: to tell weights apart, not to keep secrets. */
function digest(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${bytes.length} bytes ${(hash >>> 0).toString(16)}`;
}
