import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { backendName, useBackend } from '../../lib/runtime/backend';
import { rejection } from '../zoo/refusal';
import { fakeDevice, type FakeDevice } from './fakeDevice';

/** Optional packages as a test wants them; those it does not name are looked for in earnest, and not installed. */
const packages: Record<string, () => object> = {};
jest.mock('../../lib/runtime/importModule', () => {
  const actual = jest.requireActual<{ importModule: (name: string) => Promise<unknown> }>(
    '../../lib/runtime/importModule',
  );
  // Called later, when `packages` is there.
  return { importModule: async (name: string) => (packages[name] ? packages[name]() : actual.importModule(name)) };
});
const missing = (name: string): Error =>
  Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });

/** An addon, as far as tf.js looks at it. */
function addon(isUsingGpuDevice: boolean): () => object {
  return () => {
    const backend = { isUsingGpuDevice, dispose: () => {}, setDataMover: () => {}, floatPrecision: () => 32 };
    tf.registerBackend('tensorflow', () => backend as unknown as tf.KernelBackend);
    return {};
  };
}
const broken = (message: string) => (): object => {
  throw new Error(message);
};

beforeEach(() => {
  for (const name of Object.keys(packages)) delete packages[name];
  delete process.env.TF_FORCE_GPU_ALLOW_GROWTH;
});
afterEach(() => {
  for (const name of ['tensorflow', 'webgpu']) if (tf.findBackendFactory(name)) tf.removeBackend(name);
});

describe('auto', () => {
  test('takes WASM where nothing else is installed, says so once, and makes it train convolutions', async () => {
    expect(backendName()).toBe('none');
    const log: string[] = [];
    const backend = await useBackend('auto', { log: message => log.push(message) });
    expect(backend).toEqual({ name: 'wasm', description: 'wasm (SIMD, 1 thread)' });
    expect(log).toEqual(['Backend: wasm (SIMD, 1 thread).']);
    expect([tf.getBackend(), backendName()]).toEqual(['wasm', 'wasm (SIMD, 1 thread)']);
    expect(await useBackend()).toEqual(backend);
    const model = layers.sequential({
      layers: [layers.layers.conv2d({ filters: 1, kernelSize: 2, inputShape: [3, 3, 1] })],
    });
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    await expect(model.fit(tf.ones([1, 3, 3, 1]), tf.ones([1, 2, 2, 1]), { verbose: 0 })).resolves.toBeDefined();
  });

  test('goes past packages that do not load, with the reason', async () => {
    packages['@tensorflow/tfjs-node-gpu'] = broken('libcudart.so.11.0: cannot open shared object file.\n  at load');
    packages['@tensorflow/tfjs-node'] = broken('The Node.js native addon module can not be found');
    const log: string[] = [];
    expect((await useBackend('auto', { log: message => log.push(message) })).name).toBe('wasm');
    expect(log).toEqual([
      expect.stringMatching(
        /^node-gpu is skipped: it does not load: libcudart.so.11.0: cannot open shared object file\. Run npx tfjs-prune setup-native --gpu\.$/,
      ),
      expect.stringMatching(/^node is skipped: it does not load: The Node.js native addon/),
      'Backend: wasm (SIMD, 1 thread).',
    ]);
  });

  test('a package whose own dependency is missing is one that does not load', async () => {
    packages['@tensorflow/tfjs-node'] = () => {
      throw missing('node-pre-gyp');
    };
    const log: string[] = [];
    await useBackend('auto', { log: message => log.push(message) });
    expect(log[0]).toMatch(/node is skipped: it does not load: Cannot find module 'node-pre-gyp'/);
  });

  test('prefers the addon that sees a GPU, and asks TensorFlow to take memory as it needs it', async () => {
    packages['@tensorflow/tfjs-node-gpu'] = addon(true);
    expect(await useBackend()).toEqual({
      name: 'node-gpu',
      description: 'TensorFlow for Node.js (GPU)',
    });
    expect([tf.getBackend(), backendName()]).toEqual(['tensorflow', 'TensorFlow for Node.js (GPU)']);
    expect(process.env.TF_FORCE_GPU_ALLOW_GROWTH).toBe('true');
  });

  test('an addon for GPUs that sees none serves as the CPU one', async () => {
    packages['@tensorflow/tfjs-node-gpu'] = addon(false);
    const log: string[] = [];
    const backend = await useBackend('auto', { log: message => log.push(message) });
    expect(backend).toEqual({ name: 'node', description: 'TensorFlow for Node.js (CPU)' });
    expect(log[0]).toMatch(/^node-gpu is skipped: TensorFlow sees no GPU. Check that nvidia-smi/);
  });

  test('leaves a setting of the caller alone, and gives Node.js 23 back what tfjs-node needs', async () => {
    process.env.TF_FORCE_GPU_ALLOW_GROWTH = 'false';
    const util = jest.requireActual<Record<string, (value: unknown) => boolean>>('node:util');
    const original = util.isNullOrUndefined;
    Object.assign(util, { isNullOrUndefined: undefined });
    packages['@tensorflow/tfjs-node'] = addon(false);
    await useBackend();
    expect(process.env.TF_FORCE_GPU_ALLOW_GROWTH).toBe('false');
    expect([null, undefined, 0].map(value => util.isNullOrUndefined(value))).toEqual([true, true, false]);
    Object.assign(util, { isNullOrUndefined: original });
  });

  test('does not try WebGPU under Node.js', async () => {
    packages.webgpu = jest.fn(() => ({}));
    await useBackend();
    expect(packages.webgpu).not.toHaveBeenCalled();
  });
});

describe('by name', () => {
  test('cpu comes with a warning', async () => {
    const log: string[] = [];
    expect((await useBackend('cpu', { log: message => log.push(message) })).name).toBe('cpu');
    expect(log).toEqual(['Backend: cpu (plain JavaScript).', expect.stringContaining('unusably slow')]);
    await tf.setBackend('wasm');
    expect(backendName()).toBe('wasm'); // chosen past us
  });

  test.each([
    ['node', 'it is not installed', 'Run npx tfjs-prune setup-native.'],
    ['node-gpu', 'it is not installed', 'Run npx tfjs-prune setup-native --gpu.'],
    ['webgpu', 'it is not installed', 'npm install webgpu'],
  ] as const)('%s that is not there is an error with the cure', async (name, problem, cure) => {
    const error = await rejection(useBackend(name));
    expect(error.code).toBe('no-backend');
    expect(error.message).toContain(`useBackend("${name}"): expected a backend that runs, got ${problem}.`);
    expect(error.message).toContain(cure);
  });

  test('node is content with the addon for GPUs, on the CPU', async () => {
    packages['@tensorflow/tfjs-node-gpu'] = addon(false);
    expect(await useBackend('node')).toEqual({ name: 'node', description: 'TensorFlow for Node.js (CPU)' });
  });

  test('node-gpu without a GPU is an error', async () => {
    packages['@tensorflow/tfjs-node-gpu'] = addon(false);
    const error = await rejection(useBackend('node-gpu'));
    expect([error.code, error.message]).toEqual([
      'no-backend',
      expect.stringContaining('sees no GPU. Check that nvidia-smi'),
    ]);
  });

  test('an addon that registers nothing is an error', async () => {
    packages['@tensorflow/tfjs-node'] = () => ({});
    expect((await rejection(useBackend('node'))).message).toContain('the addon did not start');
  });

  test('another word is an error that lists the allowed', async () => {
    const error = await rejection(useBackend('webgl' as never));
    expect([error.code, error.message]).toEqual([
      'bad-option',
      expect.stringContaining('auto, node-gpu, node, webgpu, wasm, cpu'),
    ]);
  });
});

describe('webgpu', () => {
  const dawn = (adapter: object | null) => () => ({
    create: () => ({ requestAdapter: () => Promise.resolve(adapter) }),
    globals: { GPUMarker: 1 },
  });
  const software = { info: { device: 'llvmpipe', isFallbackAdapter: true } };
  const fakes: FakeDevice[] = [];
  const backendPackage = (): object => {
    expect(globalThis).toHaveProperty('GPUMarker', 1);
    expect((globalThis as { navigator?: { gpu?: object } }).navigator!.gpu).toBeDefined();
    tf.registerBackend('webgpu', () => {
      fakes.push(fakeDevice({ maxBufferSize: 1024, maxStorageBufferBindingSize: 1024 }));
      return fakes.at(-1)!.backend;
    });
    return {};
  };
  const original = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  beforeEach(() => tf.setBackend('wasm'));
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'navigator');
    if (original) Object.defineProperty(globalThis, 'navigator', original);
    Reflect.deleteProperty(globalThis, 'GPUMarker');
  });

  test.each([
    ['without an adapter', null, 'got no graphics adapter. Install a Vulkan driver'],
    [
      'with a software adapter',
      software,
      'got only an adapter that computes on the CPU: WebGPU (llvmpipe, software). ',
    ],
  ])('%s says so and changes nothing', async (_, adapter, message) => {
    packages.webgpu = dawn(adapter);
    packages['@tensorflow/tfjs-backend-webgpu'] = backendPackage;
    const error = await rejection(useBackend('webgpu'));
    expect([error.code, error.message]).toEqual(['no-backend', expect.stringContaining(message)]);
    expect(globalThis).not.toHaveProperty('GPUMarker');
    expect([tf.getBackend(), tf.findBackendFactory('webgpu')]).toEqual(['wasm', null]);
  });

  test('with a GPU, shows it to the backend before that is loaded, and names it', async () => {
    packages.webgpu = dawn({ info: { vendor: 'nvidia', architecture: 'hopper' } });
    packages['@tensorflow/tfjs-backend-webgpu'] = backendPackage;
    const backend = await useBackend('webgpu');
    expect(backend).toEqual({ name: 'webgpu', description: 'WebGPU (nvidia hopper)' });
    expect([tf.getBackend(), backendName()]).toEqual(['webgpu', 'WebGPU (nvidia hopper)']);
  });

  test('takes a software adapter when told to', async () => {
    packages.webgpu = dawn(software);
    packages['@tensorflow/tfjs-backend-webgpu'] = backendPackage;
    const { description } = await useBackend('webgpu', { software: true });
    expect(description).toBe('WebGPU (llvmpipe, software)');
  });

  test('works where the navigator is a getter, as since Node.js 21', async () => {
    const navigator = {};
    Object.defineProperty(globalThis, 'navigator', { get: () => navigator, configurable: true });
    packages.webgpu = dawn({});
    packages['@tensorflow/tfjs-backend-webgpu'] = backendPackage;
    expect((await useBackend('webgpu')).description).toBe('WebGPU');
    expect(navigator).toHaveProperty('gpu');
  });

  test('a device that does not start is an error, and the backend before stays', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    packages.webgpu = dawn({});
    packages['@tensorflow/tfjs-backend-webgpu'] = () => {
      tf.registerBackend('webgpu', () => Promise.reject(new Error('no device')));
      return {};
    };
    expect((await rejection(useBackend('webgpu'))).message).toContain('the device did not start');
    expect(tf.getBackend()).toBe('wasm');
    expect(() => tf.ones([2]).dispose()).not.toThrow();
    expect(tf.getBackend()).toBe('wasm');
    warn.mockRestore();
  });

  test('called again keeps the device, unless that is lost', async () => {
    packages.webgpu = dawn({});
    packages['@tensorflow/tfjs-backend-webgpu'] = backendPackage;
    fakes.length = 0;
    await useBackend('webgpu');
    await useBackend('webgpu');
    expect(fakes).toHaveLength(1);
    fakes[0].lose('GPU hung');
    await useBackend('webgpu');
    expect(fakes).toHaveLength(2);
    expect(tf.backend()).toBe(fakes[1].backend);
  });

  test('without the backend package names it', async () => {
    packages.webgpu = dawn({});
    expect((await rejection(useBackend('webgpu'))).message).toContain('npm install @tensorflow/tfjs-backend-webgpu');
  });
});
