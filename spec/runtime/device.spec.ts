import * as tf from '@tensorflow/tfjs-core';
import type { PruneError } from '../../lib/core/errors';
import { deviceCheck, isDeviceLost, onSoundDevice } from '../../lib/runtime/deviceErrors';
import { checkSize } from '../../lib/runtime/deviceSizes';
import { pause } from '../../lib/runtime/pause';
import { predict } from '../../lib/runtime/predict';
import { refusal, rejection } from '../zoo/refusal';
import { fakeDevice, useFake, type FakeDevice, type Mapping } from './fakeDevice';
import { examples, mlp, onWasm } from './help';

const MEBIBYTE = 2 ** 20;
const STORAGE = 0x80;
const limits = { maxStorageBufferBindingSize: 128 * MEBIBYTE, maxBufferSize: 256 * MEBIBYTE };

async function start(map?: Mapping): Promise<FakeDevice> {
  const fake = fakeDevice(limits, map);
  await useFake(fake);
  return fake;
}
afterEach(() => {
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
});

describe('an error that the device reports', () => {
  test('fails the work under way, in the words of the first, and not what comes after', async () => {
    const { report } = await start();
    const error = await rejection(
      onSoundDevice(async () => {
        report('Buffer is invalid.\n - While calling [Device].CreateBuffer.');
        report('another');
      }),
    );
    expect([error.code, error.message]).toEqual([
      'bad-device',
      'WebGPU: expected a device without errors, got "Buffer is invalid". Results since then are void. ' +
        'Lower batchSize if it is about memory, update the graphics driver, or use another backend.',
    ]);
    await expect(onSoundDevice(async () => 7)).resolves.toBe(7);
    expect(deviceCheck()).not.toThrow();
  });

  test('about a shader names the kernel as the cause', async () => {
    const { report } = await start();
    const check = deviceCheck();
    report('Error while parsing WGSL: :145:41 error: type mismatch');
    expect(refusal(check).message).toContain('tf.js has no sound WebGPU kernel for an operation of this model');
  });

  test('while no work was under way fails the next', async () => {
    const fake = await start();
    expect(deviceCheck()).not.toThrow();
    fake.report('too early');
    expect((await rejection(onSoundDevice(async () => 7))).message).toContain('too early');
    await onSoundDevice(async () => 7);
  });

  test('fails everything that ran beside it', async () => {
    const { report } = await start();
    const checks = [deviceCheck(), deviceCheck()];
    checks.forEach(check => check());
    report('first');
    expect(checks.map(check => refusal(check).message.includes('"first"'))).toEqual([true, true]);
    report('second');
    expect(refusal(deviceCheck()).message).toContain('"second"');
  });

  test('comes before an error of the work, of which it is the cause', async () => {
    const { report } = await start();
    const work = onSoundDevice(async () => {
      report('the cause');
      throw new Error('a consequence');
    });
    expect((await rejection(work)).message).toContain('the cause');
    await expect(onSoundDevice(() => Promise.reject(new Error('of its own')))).rejects.toThrow('of its own');
  });

  test('is noticed at every pause of long work', async () => {
    const { report } = await start();
    const breathe = pause('fit', undefined);
    await breathe();
    report('in the middle');
    expect((await rejection(breathe())).code).toBe('bad-device');
  });

  test('is told once by work within work', async () => {
    const { report } = await start();
    const errors: PruneError[] = [];
    await rejection(
      onSoundDevice(async () => {
        errors.push(await rejection(onSoundDevice(async () => report('inside'))));
        throw errors[0];
      }),
    ).then(error => errors.push(error));
    expect(errors[1]).toBe(errors[0]);
  });
});

test('a lost device fails all work until another backend is in use', async () => {
  const { lose } = await start();
  expect(isDeviceLost()).toBe(false);
  const check = deviceCheck();
  lose('GPU hung');
  await Promise.resolve();
  for (const each of [check, deviceCheck()]) {
    expect(refusal(each).message).toBe(
      'WebGPU: expected a device that stays, got a lost one, "GPU hung". ' +
        'Its tensors are gone: call useBackend("webgpu") again and load models anew.',
    );
  }
  expect(isDeviceLost()).toBe(true);
  tf.removeBackend('webgpu');
  expect(isDeviceLost()).toBe(false);
  expect(deviceCheck()).not.toThrow();
});

describe('sizes', () => {
  test.each([
    ['as large as the device binds', 128 * MEBIBYTE, STORAGE, undefined],
    ['one byte more', 128 * MEBIBYTE + 1, STORAGE | 4, /above 128 MiB, the maxStorageBufferBindingSize .* 129 MiB\./],
    ['that no kernel sees', 256 * MEBIBYTE, 8, undefined],
    [
      'that no buffer has',
      256 * MEBIBYTE + 1,
      8,
      /above 256 MiB, the maxBufferSize of this device, got one of 257 MiB/,
    ],
  ])('%s', (_, size, usage, message) => {
    const check = (): void => checkSize(size, usage, limits);
    if (message === undefined) expect(check).not.toThrow();
    else expect([refusal(check).code, refusal(check).message]).toEqual(['bad-device', expect.stringMatching(message)]);
  });

  test('a device that binds more than it can hold is limited by what it holds', () => {
    const odd = { maxStorageBufferBindingSize: 512 * MEBIBYTE, maxBufferSize: 256 * MEBIBYTE };
    expect(refusal(() => checkSize(300 * MEBIBYTE, STORAGE, odd)).message).toContain('the maxBufferSize of');
  });

  test('are checked where the backend allocates, before it does', async () => {
    const { backend, held } = await start();
    deviceCheck(); // any work starts to watch, also on a backend that was chosen past us
    const { bufferManager } = backend as unknown as {
      bufferManager: { acquireBuffer(size: number, usage: number): object };
    };
    expect(bufferManager.acquireBuffer(64, STORAGE)).toHaveProperty('size', 64);
    expect(refusal(() => bufferManager.acquireBuffer(129 * MEBIBYTE, STORAGE)).message).toContain('Lower batchSize');
    expect(held).toEqual([64]);
  });
});

describe('dataSync without a canvas', () => {
  const dawn =
    (turns: number): Mapping =>
    buffer => {
      buffer.mapState = 'pending';
      let left = turns;
      return new Promise(resolve => {
        const look = (): void => {
          left -= 1;
          if (left > 0) return void setImmediate(look);
          buffer.mapState = 'mapped';
          resolve();
        };
        setImmediate(look);
      });
    };
  const read = ({ backend, tensors }: FakeDevice, data: object): unknown => {
    deviceCheck();
    const dataId = {};
    tensors.set(dataId, { dtype: 'float32', resource: { size: 12 }, ...data });
    return backend.readSync(dataId);
  };

  test('gives Dawn the turns that it asks for, and setImmediate back', async () => {
    const fake = await start(dawn(5));
    const { setImmediate: original } = globalThis;
    expect(read(fake, {})).toEqual(new Float32Array([0.5, 1.5, 2.5]));
    expect(globalThis.setImmediate).toBe(original);
    expect(fake.held).toEqual([]);
  });

  test('says that it cannot where Dawn does not ask, and takes the buffer back when it is ready', async () => {
    let finish = (): void => {};
    const fake = await start(buffer => {
      buffer.mapState = 'pending';
      return new Promise(resolve => {
        finish = () => {
          buffer.mapState = 'mapped';
          resolve();
        };
      });
    });
    expect(refusal(() => read(fake, {})).message).toContain('Use await tensor.data() instead.');
    expect(fake.held).toEqual([12]);
    finish();
    await new Promise(resolve => setTimeout(resolve));
    expect(fake.held).toEqual([]);
  });

  test('leaves to tf.js what is in memory, and complex numbers', async () => {
    const fake = await start();
    expect(read(fake, { values: new Float32Array(3) })).toBe('read by tf.js');
    expect(read(fake, { dtype: 'complex64' })).toBe('read by tf.js');
  });

  test('is left alone where there is a canvas', async () => {
    Object.assign(globalThis, { OffscreenCanvas: class {} });
    try {
      expect(read(await start(), {})).toBe('read by tf.js');
    } finally {
      Reflect.deleteProperty(globalThis, 'OffscreenCanvas');
    }
  });
});

describe('on another backend', () => {
  onWasm();

  test('nothing is asked of a device', async () => {
    const fake = fakeDevice(limits);
    tf.registerBackend('webgpu', () => fake.backend);
    const model = mlp();
    await expect(predict(model, examples(3).inputs)).resolves.toHaveLength(1);
    model.dispose();
    fake.report('not ours');
    expect(deviceCheck()).not.toThrow();
  });
});
