import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { capture, compress, magnitude, materialize, prune, PruneError, uniform, useBackend } from '../../lib/index';
import { isSoftware, type Adapter } from '../../lib/runtime/adapter';
import { certify } from '../../lib/runtime/certify';
import { evaluate } from '../../lib/runtime/evaluate';
import { fit } from '../../lib/runtime/fit';
import { observe } from '../../lib/runtime/observe';
import { predict } from '../../lib/runtime/predict';
import { recalibrate } from '../../lib/runtime/recalibrate';
import { backend, disturb, images, onWebGpu, smallNet, splits, tinyNet, withoutLeak } from './help';

const failed = { name: 'PruneError', code: 'bad-device', message: /MapRead.*\. Results since then are void\./ };
const once = { epochs: 2, batchSize: 16 };

before(() => useBackend('wasm'));
beforeEach(() => onWebGpu());
after(() => tf.removeBackend('webgpu'));

test('the adapter has a name, and one that computes on the CPU is taken only when asked for', async () => {
  const description = await onWebGpu();
  assert.match(description, /^WebGPU \(.+\)$/);
  const { gpu } = Object(globalThis).navigator as { gpu: { requestAdapter(): Promise<Adapter> } };
  if (isSoftware(await gpu.requestAdapter())) {
    assert.match(description, /, software\)$/);
    await useBackend('wasm');
    await assert.rejects(useBackend('webgpu'), {
      code: 'no-backend',
      message: /got only an adapter that computes on the CPU: WebGPU \(.+\)\. .*\{ software: true \}\.$/,
    });
    assert.equal(tf.getBackend(), 'wasm');
  } else assert.equal((await useBackend('webgpu')).description, description);
});

test('a tensor that the device cannot hold is refused, and what comes after is sound', async () => {
  const { maxStorageBufferBindingSize, maxBufferSize } = backend().device.limits;
  const length = Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4 + 1;
  await withoutLeak(async () => {
    assert.throws(() => tf.tidy(() => void tf.fill([length], 3)), {
      code: 'bad-device',
      message:
        /^WebGPU: expected no tensor above \d+ MiB, the max\w+ of this device, got one of \d+ MiB\. Lower batchSize/,
    });
  });
  const start = await smallNet();
  await predict(start, images(8).inputs);
});

test('an error that the device reports while work is under way fails that work', async () => {
  const start = await smallNet();
  const { train, loss } = splits();
  const run = { seed: 1 };
  const works: Record<string, () => Promise<unknown>> = {
    fit: () => fit(start, splits(), once, { ...run, progress: disturb }),
    predict: () => soon(predict(start, train.inputs, { batchSize: 1 })),
    evaluate: () => soon(evaluate(start, train, loss, { batchSize: 1 })),
    certify: () => soon(certify('test', start, start, run)),
    recalibrate: () => soon(recalibrate(start, train, { batchSize: 1 }, run)),
    observe: () => observe([{ model: start, layers: ['d1'] }], train, disturb, { batches: 1 }, run),
  };
  for (const [name, work] of Object.entries(works)) {
    await withoutLeak(() => assert.rejects(work(), failed, name));
    await predict(start, images(8).inputs); // told once, then it is over
  }
});

/** `work`, disturbed at its first turn. */
function soon(work: Promise<unknown>): Promise<unknown> {
  disturb();
  return work;
}

test('compress fails too, also when the error came before it began', async () => {
  const model = materialize(await smallNet());
  const method = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) });
  disturb();
  await withoutLeak(() => assert.rejects(compress(model, method), failed));
  const pending = compress(model, method, {
    log: () => {},
    latency: { runs: 1 },
  });
  disturb();
  await assert.rejects(pending, failed);
  model.dispose();
});

test('works that run side by side all fail', async () => {
  const start = await smallNet();
  const both = [1, 2].map(seed => fit(start, splits(), once, { seed, progress: seed === 1 ? disturb : undefined }));
  const results = await Promise.allSettled(both);
  for (const result of results) {
    assert.ok(result.status === 'rejected' && result.reason instanceof PruneError);
    assert.match(result.reason.message, failed.message);
  }
});

test('dataSync reads what data reads, of all types, or says that it cannot', async () => {
  const of = (text: string): tf.Tensor => tf.tidy(() => tensors[text]());
  const tensors: Record<string, () => tf.Tensor> = {
    float32: () => tf.mul(tf.range(0, 3000), 0.5),
    int32: () => tf.mul(tf.range(0, 3000, 1, 'int32'), tf.scalar(3, 'int32')),
    bool: () => tf.greater(tf.range(0, 3000), 1500),
    complex64: () => tf.complex(tf.mul(tf.range(0, 40), 2), tf.mul(tf.range(0, 40), 3)),
  };
  await withoutLeak(async () => {
    for (const name of Object.keys(tensors)) {
      const [first, second] = [of(name), of(name)];
      const { setImmediate } = globalThis;
      assert.deepEqual([...first.dataSync()], [...(await second.data())], name);
      assert.equal(globalThis.setImmediate, setImmediate);
      tf.dispose([first, second]);
    }
    const [first, second] = [of('float32'), of('float32')];
    const reading = first.data();
    assert.throws(() => second.dataSync(), { code: 'bad-device', message: /Use await tensor\.data\(\) instead/ });
    assert.equal((await reading)[4], 2);
    assert.equal((await second.data())[4], 2);
    tf.dispose([first, second]);
  });
});

test('hundreds of steps leave tensors, and buffers allocated, as they were', async () => {
  const start = await tinyNet();
  const marks: { tensors: number; allocated?: number }[] = [];
  const progress = (): void => {
    const { numTensors, numBytesAllocatedInGPU } = tf.memory() as tf.MemoryInfo & { numBytesAllocatedInGPU?: number };
    marks.push({ tensors: numTensors, allocated: numBytesAllocatedInGPU });
  };
  const data = { train: images(64), loss: ['categoricalCrossentropy' as const] };
  await fit(start, data, { epochs: 50, batchSize: 16, optimizer: 'momentum' }, { seed: 1, progress });
  assert.equal(marks.length, 50);
  assert.ok(marks[49].allocated! > 0);
  assert.deepEqual(marks[49], marks[4]);
});

test('a lost device fails the work, and useBackend gets another', async () => {
  const start = await smallNet();
  const { device } = backend();
  const working = fit(start, splits(), { ...once, epochs: 50 }, { seed: 1 });
  (device as typeof device & { destroy(): void }).destroy();
  const gone = { code: 'bad-device', message: /a lost one, .*call useBackend\("webgpu"\) again/ };
  await assert.rejects(working, gone);
  await assert.rejects(predict(start, images(8).inputs), gone);
  await onWebGpu();
  assert.notEqual(backend().device, device);
  const model = materialize(start);
  assert.deepEqual((await capture(model)).topology.className, 'Model');
  model.dispose();
  assert.ok(Number.isFinite((await evaluate(start, images(8), ['categoricalCrossentropy'])).loss));
});
