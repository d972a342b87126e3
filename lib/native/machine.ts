/**
 * native: builds TensorFlow's addon for Node.js where its own installer finds no download. Knows files and programs, and of
 * lib nothing but errors; no tf.js.
 * This file: the machine as the set-up sees it, so that specs can give it another.
 */
import { spawn } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Ran {
  /** Undefined when there is no such program. */
  readonly code: number | undefined;
  readonly out: string;
  readonly error: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Machine {
  /** As process.platform and process.arch have it. */
  readonly platform: string;
  readonly arch: string;
  /** Such as "2.36"; undefined where there is none, as on Alpine. */
  readonly glibc: string | undefined;
  readonly execPath: string;
  /** Highest Node-API version. */
  readonly napi: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Free to this user on the disk of `folder`. */
  freeBytes(folder: string): Promise<number>;
  /** Runs a program to its end; rejects only when `signal` stops it. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  readonly signal: AbortSignal;
  /** One line about a step that takes a while. */
  say(line: string): void;
}

export function thisMachine({ signal, say }: Pick<Machine, 'signal' | 'say'>): Machine {
  const { platform, arch, execPath, env, versions } = process;
  return {
    platform,
    arch,
    glibc: glibcOfThisProcess(),
    execPath,
    napi: Number(versions.napi),
    env,
    home: homedir(),
    async freeBytes(folder) {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    run: (command, args, options) => runProgram(command, args, signal, options),
    signal,
    say,
  };
}

/** Where a program keeps what it would download again: this one, unless another is named. */
export function cacheFolder({ env, home }: Machine, program = 'tfjs-prune'): string {
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), program);
}

function glibcOfThisProcess(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}

function runProgram(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  { cwd, env }: RunOptions = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd,
      env: { ...process.env, ...env },
      signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, error] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (error += text));
    child.on('error', reason => {
      if (signal.aborted) reject(reason);
      else resolve({ code: undefined, out, error: reason.message });
    });
    // A program that a signal ended has no exit code.
    child.on('close', code => resolve({ code: code ?? 1, out, error }));
  });
}
