/** Bytes that are read where they are needed: of a file by position, or in memory as browsers have them. */
import { open, stat } from 'node:fs/promises';
import { PruneError } from '../core/errors';
import type { Refuse } from '../core/json';
import { short } from './manifest';

export interface ByteSource {
  /** The file as a person would name it. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Fills `into` with the bytes from position `from` on. @throws PruneError `bad-file` when there are fewer. */
  readonly read: (into: Uint8Array, from: number) => Promise<void>;
}

const COPY_AGAIN = 'It is damaged or not complete; copy or download it again.';

/** Throws `bad-file` at `place`, in one line of bounded length whatever a file holds. */
export function fileRefuser(place: string): Refuse {
  return (expected, got, cure = COPY_AGAIN) => {
    throw new PruneError('bad-file', { place: short(place), expected: short(expected), got: short(got), cure });
  };
}

/**
 * A file of this machine; opened anew for each read, so that nothing has to be closed.
 * @throws PruneError `bad-file` unless `path` is a file that can be read.
 */
export async function fileBytes(path: string, what = 'a file'): Promise<ByteSource> {
  const refuse = fileRefuser(`"${path}"`);
  const info = await stat(path).catch((cause: unknown) => refuse(what, problemOf(cause), 'Check the path.'));
  // Reading a device or a pipe might never end.
  if (!info.isFile()) return refuse(what, 'something else', 'Check the path.');
  const { size } = info;
  const read = async (into: Uint8Array, from: number): Promise<void> => {
    requireInside(path, size, from, into.length);
    const file = await open(path, 'r').catch((cause: unknown) => refuse(what, problemOf(cause), 'Check the file.'));
    try {
      for (let got = 0; got < into.length;) {
        // In pieces: Node reads no more than 2 GiB at once.
        const { bytesRead } = await file.read(into, got, Math.min(into.length - got, 2 ** 30), from + got);
        if (bytesRead === 0) refuse(`${size} bytes`, 'fewer than when it was opened', 'Something else writes to it.');
        got += bytesRead;
      }
    } finally {
      await file.close();
    }
  };
  return { name: path, size, read };
}

/** Bytes that are there already, called `name` in errors. */
export function memoryBytes(name: string, bytes: Uint8Array): ByteSource {
  const read = async (into: Uint8Array, from: number): Promise<void> => {
    requireInside(name, bytes.length, from, into.length);
    into.set(bytes.subarray(from, from + into.length));
  };
  return { name, size: bytes.length, read };
}

/** All bytes of `source`. */
export async function readAll({ size, read }: ByteSource): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  await read(bytes, 0);
  return bytes;
}

/** The whole of a text file beside others. @throws PruneError `bad-file` when it has more than `most` bytes or is no UTF-8. */
export async function readText(source: ByteSource, most: number): Promise<string> {
  const refuse = fileRefuser(`"${source.name}"`);
  if (source.size > most) refuse(`at most ${most} bytes`, String(source.size));
  return decodeText(await readAll(source)) ?? refuse('text in UTF-8', 'other bytes');
}

/** Text in UTF-8, whatever else is in `bytes`. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** One after the other, as a copy. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Undefined for bytes that are no UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function requireInside(name: string, size: number, from: number, length: number): void {
  if (from >= 0 && from + length <= size) return;
  fileRefuser(`"${name}"`)(`at least ${from + length} bytes`, String(size));
}

function problemOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return ['ENOENT', 'ENOTDIR'].includes(code ?? '') ? 'no such file' : message;
}
