/** Reads zip archives, which wheels are, as streams: TensorFlow's library is larger than a process should hold. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { PassThrough, Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { PruneError } from '../core/errors';

export interface ZipEntry {
  readonly name: string;
  /** Bytes once unpacked. */
  readonly size: number;
  readonly packed: number;
  readonly deflated: boolean;
  readonly crc: number;
  readonly executable: boolean;
  readonly offset: number;
}

export interface Zip {
  readonly entries: readonly ZipEntry[];
  /** Makes the folder of `target` too. @throws PruneError `bad-file` when the content is not what the archive promises. */
  extract(entry: ZipEntry, target: string, signal?: AbortSignal): Promise<void>;
  text(entry: ZipEntry): Promise<string>;
}

/** Lends `use` the archive. @throws PruneError `bad-file` when `path` is not a whole zip archive. */
export async function withZip<T>(path: string, use: (zip: Zip) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    const entries = await readDirectory(path, file);
    return await use({
      entries,
      extract: (entry, target, signal) => extract({ path, file, entry, target, signal }),
      text: entry => readText(path, file, entry),
    });
  } finally {
    await file.close();
  }
}

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const LONGEST_END = 22 + 0xffff;
const ZIP64 = 0xffffffff;

async function readDirectory(path: string, file: FileHandle): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  const tail = await read(file, Math.max(0, size - LONGEST_END), Math.min(size, LONGEST_END));
  let at = tail.length - 22;
  while (at >= 0 && tail.readUInt32LE(at) !== END) at--;
  if (at < 0) throw damaged(path, 'no directory at its end');
  const [count, length, offset] = [tail.readUInt16LE(at + 10), tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
  if (offset === ZIP64 || count === 0xffff) throw damaged(path, 'one of the zip64 kind');
  const directory = await read(file, offset, length);
  const entries: ZipEntry[] = [];
  for (let start = 0; entries.length < count;) {
    if (start + 46 > directory.length || directory.readUInt32LE(start) !== ENTRY)
      throw damaged(path, 'a torn directory');
    const entry = entryAt(directory, start);
    entries.push(entry);
    start +=
      46 + directory.readUInt16LE(start + 28) + directory.readUInt16LE(start + 30) + directory.readUInt16LE(start + 32);
  }
  return entries;
}

function entryAt(directory: Buffer, start: number): ZipEntry {
  const nameLength = directory.readUInt16LE(start + 28);
  return {
    name: directory.toString('utf8', start + 46, start + 46 + nameLength),
    deflated: directory.readUInt16LE(start + 10) === 8,
    crc: directory.readUInt32LE(start + 16),
    packed: directory.readUInt32LE(start + 20),
    size: directory.readUInt32LE(start + 24),
    executable: ((directory.readUInt32LE(start + 38) >>> 16) & 0o111) !== 0,
    offset: directory.readUInt32LE(start + 42),
  };
}

interface Extraction {
  readonly path: string;
  readonly file: FileHandle;
  readonly entry: ZipEntry;
  readonly target: string;
  readonly signal?: AbortSignal;
}

async function extract({ path, file, entry, target, signal }: Extraction): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const sink = createWriteStream(target, { flags: 'wx', mode: entry.executable ? 0o755 : 0o644 });
  await unpack(path, file, entry, sink, signal);
}

async function readText(path: string, file: FileHandle, entry: ZipEntry): Promise<string> {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  await unpack(path, file, entry, sink);
  return Buffer.concat(chunks).toString('utf8');
}

async function unpack(
  path: string,
  file: FileHandle,
  entry: ZipEntry,
  sink: NodeJS.WritableStream,
  signal?: AbortSignal,
): Promise<void> {
  const header = await read(file, entry.offset, 30);
  if (header.length < 30 || header.readUInt32LE(0) !== LOCAL) throw damaged(path, `no ${entry.name}`);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const options = { start, end: start + entry.packed - 1, highWaterMark: 1 << 20 };
  const source = entry.packed === 0 ? Readable.from([]) : createReadStream(path, options);
  const { check, verify } = checksum();
  try {
    const inflate = entry.deflated ? zlib.createInflateRaw({ chunkSize: 1 << 20 }) : new PassThrough();
    await pipeline(source, inflate, check, sink, { signal });
  } catch (cause) {
    if (/^Z_|^ERR_ZLIB/.test(String((cause as { code?: string }).code))) throw damaged(path, `a torn ${entry.name}`);
    throw cause;
  }
  if (!verify(entry)) throw damaged(path, `other bytes in ${entry.name} than it promises`);
}

/** Counts what passes; checks sums too from Node 20.15 on, which brought them. */
function checksum(): { check: Transform; verify: (entry: ZipEntry) => boolean } {
  const { crc32 } = zlib as { crc32?: (data: Uint8Array, value?: number) => number };
  let [size, sum] = [0, 0];
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (crc32) sum = crc32(chunk, sum);
      done(null, chunk);
    },
  });
  return { check, verify: entry => size === entry.size && (crc32 === undefined || sum === entry.crc) };
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function damaged(path: string, got: string): PruneError {
  const cure = 'It may be cut short: get it again.';
  return new PruneError('bad-file', { place: basename(path), expected: 'a whole wheel', got, cure });
}
