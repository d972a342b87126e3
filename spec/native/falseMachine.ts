/** A machine whose programs are played: npm, pip, the compiler and the process that tries the addon out. Files are real. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Machine, Ran } from '../../lib/native/machine';
import { writeTensorFlow, writeZip } from './wheels';

export interface FalseMachine extends Machine {
  /** Changed by a spec to make something fail; a result takes the place of the program's. */
  readonly plays: Partial<Record<'npm' | 'pip' | 'download' | 'compiler' | 'compile' | 'try', Partial<Ran>>>;
  /** What ran, in order. */
  readonly ran: string[];
  readonly said: string[];
  /** Changed to play through another one. */
  free: number;
  readonly controller: AbortController;
}

export function falseMachine(folder: string, change: Partial<Machine> = {}): FalseMachine {
  const headers = join(folder, 'node/include/node');
  mkdirSync(headers, { recursive: true });
  writeFileSync(join(headers, 'node_api.h'), '');
  const controller = new AbortController();
  const machine: FalseMachine = {
    platform: 'linux',
    arch: 'x64',
    glibc: '2.36',
    execPath: join(folder, 'node/bin/node'),
    napi: 9,
    env: { XDG_CACHE_HOME: join(folder, 'cache') },
    home: folder,
    free: 2 ** 40,
    freeBytes: async () => machine.free,
    signal: controller.signal,
    controller,
    say: line => void machine.said.push(line),
    said: [],
    ran: [],
    plays: {},
    async run(command, args, options) {
      const name = nameOf(command, args, machine.execPath);
      machine.ran.push(name);
      const played = machine.plays[name];
      if (controller.signal.aborted) throw new Error('The operation was aborted');
      if (played) return { code: 0, out: '', error: '', ...played };
      PROGRAMS[name]?.(args, options?.cwd);
      return { code: 0, out: name === 'try' ? TRIED : '', error: '' };
    },
    ...change,
  };
  return machine;
}

export const TRIED = '\n{"version":"2.21.0","gpu":false,"losses":[2,1]}\n';

/** Where the package is in `project`. */
export const packageIn = (project: string, name = 'tfjs-node'): string =>
  join(project, 'node_modules/@tensorflow', name);

type Program = keyof FalseMachine['plays'];

function nameOf(command: string, args: readonly string[], execPath: string): Program {
  if (command === execPath) return 'try';
  if (command === 'npm') return 'npm';
  if (args.includes('pip') || command.startsWith('pip')) return args.includes('download') ? 'download' : 'pip';
  return args.includes('--version') ? 'compiler' : 'compile';
}

const PROGRAMS: Partial<Record<Program, (args: readonly string[], cwd?: string) => void>> = {
  npm(args, cwd) {
    const [, name, version] = /^@tensorflow\/(.*)@(.*)$/.exec(args.at(-1)!)!;
    writePackage(packageIn(cwd!, name), version);
  },
  download(args) {
    const folder = args[args.indexOf('--dest') + 1];
    for (const requirement of args.filter(arg => /^[\w-]+[=<>]/.test(arg))) {
      const name = /^[\w-]+/.exec(requirement)![0].replace(/-/g, '_');
      if (name.startsWith('tensorflow')) {
        const file = join(folder, `${name}-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl`);
        writeTensorFlow(file, { cuda: name === 'tensorflow' });
      } else writeCuda(folder, name);
    }
  },
  compile(args) {
    const include = args.find(arg => arg.endsWith('deps/include'))!;
    const library = readFileSync(join(dirname(include), 'lib/libtensorflow.so'), 'utf8');
    if (!existsSync(join(include, 'tensorflow/c/c_api.h'))) throw new Error('no headers');
    writeFileSync(args[args.indexOf('-o') + 1], `addon for ${library}`);
  },
};

export function writePackage(folder: string, version = '4.22.0'): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version, binary: { napi_versions: [3, 7, 8] } }));
}

export function writeCuda(folder: string, name: string): string {
  const part = name.replace(/^nvidia_|_cu12$/g, '');
  return writeZip(join(folder, `${name}-9.9.0-py3-none-manylinux2014_x86_64.whl`), [
    { name: `nvidia/${part}/lib/lib${part}.so.9`, content: part },
    { name: `nvidia/${part}/include/${part}.h`, content: '// not needed' },
  ]);
}
