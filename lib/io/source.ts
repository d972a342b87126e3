/** Where files come from: a folder of this machine, an http(s) address, or whoever gave them to a page. Never more bytes than the reader can use. */
import { open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkAborted } from '../core/check';
import { PruneError } from '../core/errors';
import { isNode } from '../core/platform';
import { joined } from './bytes';
import { short } from './manifest';

export interface Source {
  /** The main file as a person would name it. */
  readonly name: string;
  readMain(): Promise<Uint8Array<ArrayBuffer>>;
  /** A file beside the main one. @throws PruneError `bad-file` when it is missing or holds more than `most` bytes. */
  readBeside(path: string, most: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A file that a user gave to a page, as `File` is. */
export interface GivenFile {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface SourceOptions {
  /** The function to name in errors. */
  readonly caller: string;
  /** The main file where `path` is a folder. */
  readonly main: string;
  readonly signal?: AbortSignal;
}

/** Longer text than this JavaScript cannot hold in one string. */
const MOST_TEXT = 256 * 1024 * 1024;

/**
 * Opens a file, the folder that holds it, its http(s) address (a folder there ends with "/"; in a page it may be relative), or
 * the files themselves. Files beside an address get its query too, which may be what grants access.
 * @throws PruneError `bad-file` for something else.
 */
export async function openSource(path: string | readonly GivenFile[], options: SourceOptions): Promise<Source> {
  if (Array.isArray(path)) return openFiles(path as readonly GivenFile[], options);
  if (typeof path !== 'string' || path === '') {
    const cure = 'Pass the path or the http(s) address of a model.';
    throw new PruneError('bad-option', { place: options.caller, expected: 'a path', got: String(path), cure });
  }
  const address = /^https?:/i.test(path) ? path : fromPage(path);
  if (address !== undefined) return openAddress(address, options);
  // As tfjs-node reads it: what follows is a path, also a relative one.
  return openFolder(path.replace(/^file:\/\//i, ''), options);
}

/** The address that `path` means in a browser, which has no folders. */
function fromPage(path: string): string | undefined {
  const { location } = globalThis as { location?: { href: string } };
  if (isNode() || location === undefined) return undefined;
  return URL.canParse(path, location.href) ? new URL(path, location.href).href : path;
}

/** Folders are not given along: a shard is found by its own name. */
async function openFiles(files: readonly GivenFile[], { caller, main, signal }: SourceOptions): Promise<Source> {
  const named = files.filter(({ name }) => name === main);
  const found = named.length > 0 ? named : files.filter(({ name }) => name.endsWith('.json'));
  if (found.length !== 1) {
    const names = files.length === 0 ? 'no file' : files.map(({ name }) => `"${name}"`).join(', ');
    refuser(caller, `one ${kindOf(main)}`)(short(names), `Choose ${main} and the files beside it together.`);
  }
  const [{ name }] = found;
  const read = async (file: GivenFile | undefined, path: string, what: string, most: number) => {
    checkAborted(caller, signal);
    const refuse = refuser(`${caller} "${path}"`, what);
    if (file === undefined) return refuse('no such file', `Choose it together with ${name}.`);
    if (file.size > most) return tooLarge(refuse, file.size, most);
    // The file may have changed, or gone, since it was chosen.
    const bytes = await file.arrayBuffer().catch((cause: Error) => refuse(cause.message, 'Choose it again.', cause));
    return new Uint8Array(bytes);
  };
  return {
    name,
    readMain: () => read(found[0], name, `a ${kindOf(main)}`, MOST_TEXT),
    readBeside: (path, most) => {
      const own = path.split('/').pop();
      return read(
        files.find(file => file.name === own),
        path,
        `a shard named in "${name}"`,
        most,
      );
    },
  };
}

async function openFolder(path: string, { caller, main, signal }: SourceOptions): Promise<Source> {
  const found = await stat(path).catch(() => undefined);
  const name = found?.isDirectory() ? join(path, main) : path;
  const read = async (file: string, what: string, most: number): Promise<Uint8Array<ArrayBuffer>> => {
    checkAborted(caller, signal);
    const refuse = refuser(`${caller} "${file}"`, what);
    try {
      const info = await stat(file);
      // Reading a device or a pipe might never end.
      if (!info.isFile()) return refuse('something else', 'Check the path.');
      if (info.size > most) return tooLarge(refuse, info.size, most);
      return await readWhole(file, info.size);
    } catch (cause) {
      if (cause instanceof PruneError) throw cause;
      const missing = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '');
      if (missing) return refuse('no such file', 'Check the path, or copy the whole model folder again.', cause);
      return refuse((cause as Error).message, 'Check the file and its permissions.', cause);
    }
  };
  return {
    name,
    readMain: () => read(name, `a ${kindOf(main)}`, MOST_TEXT),
    readBeside: (beside, most) => read(join(dirname(name), beside), `a shard named in "${name}"`, most),
  };
}

/** In pieces: Node reads no more than 2 GiB at once. */
async function readWhole(path: string, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path, 'r');
  try {
    const bytes = new Uint8Array(size);
    let got = 0;
    while (got < size) {
      const { bytesRead } = await file.read(bytes, got, Math.min(size - got, 2 ** 30), got);
      if (bytesRead === 0) return bytes.slice(0, got);
      got += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

async function openAddress(path: string, { caller, main, signal }: SourceOptions): Promise<Source> {
  if (!URL.canParse(path)) {
    const cure = 'Check the address.';
    throw new PruneError('bad-file', { place: `${caller} "${path}"`, expected: 'an address', got: 'none', cure });
  }
  const address = new URL(path);
  if (address.pathname.endsWith('/')) address.pathname += main;
  const name = shown(address);
  return {
    name,
    readMain: () => download(address, caller, `a ${kindOf(main)}`, MOST_TEXT, signal),
    readBeside: (beside, most) => {
      const url = new URL(beside.split('/').map(encodeURIComponent).join('/'), address);
      url.search = address.search;
      return download(url, caller, `a shard named in "${name}"`, most, signal);
    },
  };
}

/** Without the query, which may be a secret. */
function shown({ origin, pathname }: URL): string {
  return origin + pathname;
}

async function download(
  url: URL,
  caller: string,
  what: string,
  most: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const refuse = refuser(`${caller} "${shown(url)}"`, what);
  checkAborted(caller, signal);
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) {
      return refuse(`status ${response.status} ${response.statusText}`.trim(), 'Check the address.');
    }
    return await collect(response, most, refuse);
  } catch (cause) {
    if (cause instanceof PruneError) throw cause;
    checkAborted(caller, signal);
    const { message, cause: reason } = cause as Error;
    return refuse(reason instanceof Error ? reason.message : message, 'Check the address and the network.', cause);
  }
}

async function collect(response: Response, most: number, refuse: RefuseFile): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // Not every browser can loop over a body.
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
    length += next.value.length;
    if (length > most) {
      await reader?.cancel();
      return tooLarge(refuse, length, most);
    }
    parts.push(next.value);
  }
  return joined(parts);
}

type RefuseFile = (got: string, cure: string, cause?: unknown) => never;

function refuser(place: string, expected: string): RefuseFile {
  return (got, cure, cause) => {
    throw new PruneError('bad-file', { place, expected, got, cure }, { cause });
  };
}

function tooLarge(refuse: RefuseFile, size: number, most: number): never {
  const cure = 'It is damaged or of another model; copy the whole model folder again.';
  return refuse(`${size} bytes or more where at most ${most} belong`, cure);
}

function kindOf(main: string): string {
  return main === 'model.json' ? 'model file' : `file ${main}`;
}
