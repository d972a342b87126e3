/** Safetensors made by hand, so that they can be wrong. */

/** The bytes of a file with this header and data; `length` stands in the place of the header's true one. */
export function safetensorsBytes(header: object | string | Buffer, data: Uint8Array, length?: bigint): Uint8Array {
  const text = Buffer.isBuffer(header)
    ? header
    : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}
