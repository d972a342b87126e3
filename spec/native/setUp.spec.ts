import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setUpNative, type SetUpOptions } from '../../lib/native/setUp';
import { newFolder, removeFolders } from '../io/folder';
import { rejection } from '../zoo/refusal';
import { falseMachine, packageIn, TRIED, writeCuda, writePackage, type FalseMachine } from './falseMachine';
import { writeTensorFlow } from './wheels';

let folder: string;
let project: string;
let machine: FalseMachine;
beforeEach(() => {
  folder = newFolder();
  project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{}');
  machine = falseMachine(folder);
});
afterEach(removeFolders);

const CPU = 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl';
const CUDA = 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl';
const setUp = (options: Partial<SetUpOptions> = {}) => setUpNative(machine, { project, ...options });
/** One that refuses: the message, after checking that nothing is in place and nothing is left over. */
async function refusal(options: Partial<SetUpOptions> = {}): Promise<string> {
  const error = await rejection(setUp(options));
  expect(['no-backend', 'bad-file', 'aborted']).toContain(error.code);
  expect(error.message).toMatch(/^[^\n]+: expected [^\n]+, got [^\n]+\. [^\n]+\.$/);
  expect(leftovers()).toEqual([]);
  return error.message;
}
function leftovers(): string[] {
  const places = [packageIn(project), packageIn(project, 'tfjs-node-gpu'), join(folder, 'cache/tfjs-prune/wheels')];
  return places.flatMap(place => (existsSync(place) ? readdirSync(place).filter(name => name.startsWith('.')) : []));
}
const binding = (): string => readFileSync(join(packageIn(project), 'lib/napi-v8/tfjs_binding.node'), 'utf8');

describe('a first run', () => {
  test('installs, downloads, unpacks, compiles and tries out', async () => {
    expect(await setUp()).toEqual({
      package: '@tensorflow/tfjs-node',
      version: '4.22.0',
      folder: packageIn(project),
      source: CPU,
      built: true,
      tensorflow: '2.21.0',
      device: 'cpu',
      noGpu: undefined,
    });
    expect(machine.ran).toEqual(['compiler', 'npm', 'pip', 'download', 'compile', 'try']);
    expect(machine.said.map(line => line.split(' ')[0])).toEqual([
      'Installing',
      'Downloading',
      'Unpacking',
      'Compiling',
      'Training',
    ]);
    const deps = join(packageIn(project), 'deps');
    expect(readdirSync(join(deps, 'lib')).sort()).toEqual([
      'libtensorflow.so',
      'libtensorflow_cc.so.2',
      'libtensorflow_framework.so',
      'libtensorflow_framework.so.2',
    ]);
    expect(readdirSync(join(deps, 'include'))).toEqual(['tensorflow']);
    expect([binding(), leftovers()]).toEqual(['addon for cc', []]);
    expect(readFileSync(join(project, 'package.json'), 'utf8')).toBe('{}');
  });

  test('of a project that has the package takes it', async () => {
    writePackage(packageIn(project), '4.23.1');
    expect((await setUp()).version).toBe('4.23.1');
    expect(machine.ran).not.toContain('npm');
  });

  test('replaces what another installer has left there', async () => {
    writePackage(packageIn(project));
    mkdirSync(join(packageIn(project), 'deps/lib'), { recursive: true });
    writeFileSync(join(packageIn(project), 'deps/lib/half'), '');
    await setUp();
    expect(existsSync(join(packageIn(project), 'deps/lib/half'))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  test('with a wheel needs no Python, and with a C library no wheel', async () => {
    await setUp({ wheel: writeTensorFlow(join(folder, CPU)) });
    expect(machine.ran).toEqual(['compiler', 'npm', 'compile', 'try']);
    const library = join(folder, 'c');
    mkdirSync(join(library, 'include/tensorflow/c'), { recursive: true });
    mkdirSync(join(library, 'lib'));
    writeFileSync(join(library, 'include/tensorflow/c/c_api.h'), '');
    writeFileSync(join(library, 'lib/libtensorflow.so.2'), 'c library');
    symlinkSync('libtensorflow.so.2', join(library, 'lib/libtensorflow.so'));
    writeFileSync(join(library, 'lib/libtensorflow_framework.so'), '');
    expect(await setUp({ libtensorflow: library })).toMatchObject({ built: true, source: 'c' });
    expect(binding()).toBe('addon for c library');
    expect(await setUp({ libtensorflow: library })).toMatchObject({ built: false, source: 'c' });
    expect(await refusal({ libtensorflow: folder })).toMatch(
      /got no include\/tensorflow\/c\/c_api\.h\. Give the folder/,
    );
  });
});

describe('a second run', () => {
  test('finds everything and only tries it out', async () => {
    await setUp();
    machine.ran.length = 0;
    rmSync(join(folder, 'cache'), { recursive: true });
    expect(await setUp()).toMatchObject({ built: false, source: CPU, tensorflow: '2.21.0' });
    expect(machine.ran).toEqual(['try']);
  });

  test('after npm has removed the package works without a network', async () => {
    await setUp();
    rmSync(join(project, 'node_modules'), { recursive: true });
    machine.plays.download = { code: 1, error: 'NewConnectionError' };
    expect(await setUp()).toMatchObject({ built: true });
  });

  test.each([
    [
      'a changed wheel',
      () => setUp({ wheel: writeTensorFlow(join(folder, CPU), { library: 'other' }) }),
      'addon for other',
    ],
    [
      'a damaged addon',
      () => (writeFileSync(join(packageIn(project), 'lib/napi-v8/tfjs_binding.node'), 'x'), setUp()),
      'addon for cc',
    ],
    ['a lost record', () => (rmSync(join(packageIn(project), 'deps/tfjs-prune.json')), setUp()), 'addon for cc'],
    ['another release of the package', () => (writePackage(packageIn(project), '4.23.0'), setUp()), 'addon for cc'],
  ])('with %s builds again', async (_, again, expected) => {
    await setUp();
    expect(await again()).toMatchObject({ built: true });
    expect(binding()).toBe(expected);
  });

  test('with a wheel that was downloaded before asks whether it is the same', async () => {
    await setUp();
    const kept = join(folder, 'cache/tfjs-prune/wheels', CPU);
    expect(await setUp({ wheel: kept })).toMatchObject({ built: false });
  });

  test('that fails leaves the first one in place', async () => {
    await setUp();
    const wheel = writeTensorFlow(join(folder, CPU), { library: 'bad' });
    machine.plays.try = { code: 1, error: 'at x\nError: undefined symbol: TF_Foo\n at y' };
    expect(await refusal({ wheel })).toBe(
      '@tensorflow/tfjs-node: expected a small net to learn, got "Error: undefined symbol: TF_Foo". Run setup-native with another wheel (--wheel FILE), or use useBackend("wasm").',
    );
    expect(binding()).toBe('addon for cc');
    delete machine.plays.try;
    expect(await setUp()).toMatchObject({ built: false, source: CPU });
  });

  test('clears what a killed one has left', async () => {
    writePackage(packageIn(project));
    mkdirSync(join(packageIn(project), '.tfjs-prune-999999999-abc/deps'), { recursive: true });
    await setUp();
    expect(leftovers()).toEqual([]);
  });
});

describe('--gpu', () => {
  const gpu = true;

  test('brings the CUDA libraries that TensorFlow asks for, once', async () => {
    machine.plays.try = { out: TRIED.replace('false', 'true') };
    expect(await setUp({ gpu })).toMatchObject({ package: '@tensorflow/tfjs-node-gpu', source: CUDA, device: 'gpu' });
    const nvidia = join(packageIn(project, 'tfjs-node-gpu'), 'deps/nvidia/cudnn');
    expect([readdirSync(nvidia), readdirSync(join(nvidia, 'lib'))]).toEqual([['lib'], ['libcudnn.so.9']]);
    rmSync(join(project, 'node_modules'), { recursive: true });
    machine.ran.length = 0;
    await setUp({ gpu });
    expect(machine.ran).not.toContain('download');
  });

  test('takes wheels of CUDA that lie beside the given one', async () => {
    const wheel = writeTensorFlow(join(folder, 'wheels', CUDA), { cuda: true });
    writeCuda(join(folder, 'wheels'), 'nvidia_cudnn_cu12');
    await setUp({ gpu, wheel });
    expect(machine.ran).not.toContain('download');
  });

  test.each([
    ['2026 E cuda: failed call to cuInit: UNKNOWN ERROR (303)', 'there is no NVIDIA driver, or no GPU that it shows'],
    ['W Cannot dlopen some GPU libraries. Skipping', 'its CUDA libraries do not load'],
    ['', undefined],
  ])('without a GPU it is there for the CPU, and says why: %j', async (error, noGpu) => {
    machine.plays.try = { out: TRIED, error };
    expect(await setUp({ gpu })).toMatchObject({ device: 'cpu', noGpu });
  });

  test('refuses a wheel for CPUs', async () => {
    const wheel = writeTensorFlow(join(folder, CPU));
    expect(await refusal({ gpu, wheel })).toMatch(
      /expected a wheel of tensorflow that asks for CUDA, got one for CPUs\./,
    );
  });
});

describe('one line says what is missing:', () => {
  test.each<[string, (machine: FalseMachine) => unknown, string | RegExp]>([
    [
      'npm',
      ({ plays }) => (plays.npm = { code: 1, error: 'npm error code E404\nnpm error 404 Not Found' }),
      'npm install @tensorflow/tfjs-node: expected the package to be installed, got "404 Not Found". Install it with --ignore-scripts, then run setup-native again.',
    ],
    [
      'registry',
      ({ plays }) => (plays.npm = { code: 1, error: 'npm error code ENOTFOUND\nnpm error network request failed' }),
      /got the package registry is not reachable\. Install it with/,
    ],
    [
      'pip',
      ({ plays }) => (plays.pip = { code: undefined }),
      /expected Python with pip, to download the wheel, got none on the path\. Install it \(Debian: apt install python3-pip\), or download the wheel elsewhere and give it as --wheel FILE\./,
    ],
    [
      'index',
      ({ plays }) =>
        (plays.download = { code: 1, error: 'Retrying after NewConnectionError\nERROR: No matching distribution' }),
      /^pip download: expected wheels for x86_64, got the package index is not reachable\. Check the connection/,
    ],
    [
      'wheel',
      ({ plays }) => (plays.download = { code: 1, error: 'ERROR: No matching distribution found for x' }),
      /got an index without tensorflow_cpu==2\.21\.\*\./,
    ],
    [
      'download',
      ({ plays }) => (plays.download = { code: 1, error: 'x\nERROR: No space left on device.' }),
      /got "No space left on device" from pip\./,
    ],
    [
      'compiler',
      ({ plays }) => (plays.compiler = { code: undefined }),
      'setup-native: expected a C++ compiler, got none of g++, c++ and clang++. Install one (Debian: apt install g++; Fedora: dnf install gcc-c++) or name one by CXX.',
    ],
    [
      'compile',
      ({ plays }) => (plays.compile = { code: 1, error: 'In file x:\na.cc:1: error: no such thing\nb' }),
      /^g\+\+: expected the addon to compile, got "a\.cc:1: error: no such thing"\. The whole output is in .*compiler\.log; another/,
    ],
    [
      'learning',
      ({ plays }) => (plays.try = { out: TRIED.replace('[2,1]', '[1,2]') }),
      /got a loss that went from 1 to 2\./,
    ],
    ['space', machine => (machine.free = 2 ** 29), /expected 1\.0 GB of free space, got 0\.5 GB\. Free some space/],
  ])('%s', async (_, damage, message) => {
    damage(machine);
    const said = await refusal();
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
    expect(existsSync(join(packageIn(project), 'deps'))).toBe(false);
    expect(existsSync(join(packageIn(project), 'lib/napi-v8/tfjs_binding.node'))).toBe(false);
  });

  test('the right to write', async () => {
    machine.freeBytes = () => Promise.reject(new Error("EACCES: permission denied, statfs '/x'"));
    expect(await refusal()).toBe(
      "setup-native: expected files to be read and written, got EACCES: permission denied, statfs '/x'. Check permissions and space; what was there before is unchanged.",
    );
  });

  test('the compiler that CXX names', async () => {
    machine = falseMachine(folder, { env: { CXX: 'c++-99', XDG_CACHE_HOME: folder } });
    machine.plays.compiler = { code: undefined };
    expect(await refusal()).toMatch(/got no program "c\+\+-99", which CXX names\./);
  });

  test('headers, which may also come from npm', async () => {
    rmSync(join(folder, 'node'), { recursive: true });
    const headers = join(folder, 'headers/include/node');
    machine = falseMachine(folder, {
      execPath: join(folder, 'elsewhere/bin/node'),
      env: { XDG_CACHE_HOME: folder, npm_config_nodedir: join(folder, 'headers') },
    });
    mkdirSync(headers, { recursive: true });
    writeFileSync(join(headers, 'node_api.h'), '');
    await setUp();
    expect(machine.ran).toContain('compile');
  });

  test('a project', async () => {
    rmSync(join(project, 'package.json'));
    expect(await refusal()).toMatch(
      /project: expected the folder of a project, got no package\.json\. Change to the folder/,
    );
  });

  test.each(['pnpm', 'yarn', 'bun'])('the package, in a project of %s', async manager => {
    writeFileSync(join(project, manager === 'pnpm' ? 'pnpm-lock.yaml' : `${manager}.lock`), '');
    expect(await refusal()).toMatch(
      new RegExp(`Run ${manager} add --ignore-scripts @tensorflow/tfjs-node@4\\.22\\.0, then`),
    );
    expect(machine.ran).not.toContain('npm');
  });

  test('the right release of the package', async () => {
    writePackage(packageIn(project), '3.21.0');
    expect(await refusal()).toMatch(
      /expected @tensorflow\/tfjs-node 4\.22\.0, got 3\.21\.0\. Run npm install --ignore-scripts/,
    );
  });

  test('a wheel, before anything is installed', async () => {
    const [absent, empty] = [join(folder, CPU), join(folder, 'b', CPU)];
    expect(await refusal({ wheel: absent })).toMatch(/expected a wheel, got no such file\. Check the path\./);
    mkdirSync(empty, { recursive: true });
    expect(await refusal({ wheel: empty })).toMatch(/expected a wheel, got a folder\./);
    expect(machine.ran).toEqual([]);
  });

  test('a wheel that is whole and has the library', async () => {
    const wheel = writeTensorFlow(join(folder, CPU));
    const bytes = readFileSync(wheel);
    writeFileSync(wheel, bytes.subarray(0, 200));
    expect(await refusal({ wheel })).toMatch(/expected a whole wheel, got no directory at its end/);
    const old = writeCuda(folder, 'tensorflow_cpu').replace(
      /[^/]*$/,
      'tensorflow_cpu-9.9.0-py3-none-manylinux2014_x86_64.whl',
    );
    expect(await refusal({ wheel: old })).toMatch(
      /expected tensorflow\/libtensorflow_cc\.so\.2 in it, got none\. Take a wheel of TensorFlow 2\.21\./,
    );
  });
});

test('an interruption leaves everything as it was', async () => {
  await setUp();
  const wheel = writeTensorFlow(join(folder, CPU), { library: 'other' });
  const { run } = machine;
  machine.run = async (command, args, options) => {
    if (args.includes('-o')) machine.controller.abort();
    return run(command, args, options);
  };
  expect(await refusal({ wheel })).toBe(
    'setup-native: expected to run to the end, got an abort signal. Nothing was changed; call again to start over.',
  );
  expect(binding()).toBe('addon for cc');
});
