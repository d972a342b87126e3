/** What the command says of a set-up; the set-up itself is spec/native/setUp.spec.ts. */
import type { Machine } from '../../lib/native/machine';
import type { SetUp, SetUpOptions } from '../../lib/native/setUp';
import { run } from './run';

const DONE: SetUp = {
  package: '@tensorflow/tfjs-node',
  version: '4.22.0',
  folder: '/project/node_modules/@tensorflow/tfjs-node',
  source: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  built: true,
  tensorflow: '2.21.0',
  device: 'cpu',
};

let play: (machine: Machine, options: SetUpOptions) => Promise<SetUp>;
jest.mock('../../lib/native/setUp', () => ({
  setUpNative: (machine: Machine, options: SetUpOptions) => play(machine, options),
}));

test('what was built, and steps as lines on the error stream', async () => {
  const given: SetUpOptions[] = [];
  play = async ({ say }, options) => {
    given.push(options);
    say('Compiling ...');
    return DONE;
  };
  const { code, out, error } = await run('setup-native', '--wheel', 'a.whl');
  expect([code, error]).toEqual([0, ['Compiling ...']]);
  expect(out).toEqual([
    'Built @tensorflow/tfjs-node 4.22.0 with TensorFlow 2.21.0 on the CPU (tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl).\n' +
      "useBackend('node') uses it. package.json is unchanged, so the next npm install removes it: run this again then.",
  ]);
  await run('setup-native', '--gpu', '--libtensorflow', 'c');
  const project = process.cwd();
  expect(given).toEqual([
    { project, gpu: false, wheel: 'a.whl', libtensorflow: undefined },
    { project, gpu: true, wheel: undefined, libtensorflow: 'c' },
  ]);
});

test('that there was nothing to do, as data', async () => {
  play = async () => ({ ...DONE, built: false });
  expect(JSON.parse((await run('setup-native', '--json')).out[0])).toEqual({ ...DONE, built: false });
  expect((await run('setup-native')).out[0]).toMatch(/^Nothing to do: @tensorflow\/tfjs-node 4\.22\.0 with/);
});

test('--gpu names the backend, and one line says where no GPU is', async () => {
  play = async () => ({ ...DONE, device: 'gpu' });
  expect((await run('setup-native', '--gpu')).out[0]).toMatch(/on the GPU .*\nuseBackend\('node-gpu'\) uses it\./);
  play = async () => ({ ...DONE, noGpu: 'its CUDA libraries do not load' });
  expect((await run('setup-native', '--gpu')).out[0].split('\n').slice(1)).toEqual([
    'TensorFlow sees no GPU: its CUDA libraries do not load. It works on the CPU; nvidia-smi shows what the driver sees.',
    expect.stringMatching(/^useBackend\('node'\) uses it\./),
  ]);
  play = async () => DONE;
  expect((await run('setup-native', '--gpu')).out[0]).toContain('\nTensorFlow sees no GPU. It works on the CPU;');
});

test('Ctrl-C reaches the set-up, and is not listened to afterwards', async () => {
  const before = process.listenerCount('SIGINT');
  play = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('stopped')));
      process.emit('SIGINT');
    });
  expect(await run('setup-native')).toMatchObject({ code: 130, error: ['tfjs-prune: stopped'] });
  expect(process.listenerCount('SIGINT')).toBe(before);
});
