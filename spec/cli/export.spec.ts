import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel, useBackend } from 'tfjs-prune';
import { WASM } from '../backend';
import { contents, newFolder, removeFolders } from '../io/folder';
import { refusalOf, run, savedNet, runAlone } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

/** What the net is given. */
const SHAPE = [6, 5, 3];
const SIZE = 90;

async function outputOf(folder: string): Promise<{ values: Float32Array; layers: number }> {
  const model = await loadLayersModel(folder);
  const values = tf.tidy(() => (model.predict(tf.reshape(tf.linspace(-1, 1, 2 * SIZE), [2, ...SHAPE])) as tf.Tensor).dataSync()); // prettier-ignore
  const layers = model.layers.length;
  model.dispose();
  return { values: values as Float32Array, layers };
}

test('a folder: fused it has fewer layers and computes the same, in float16 half the bytes', async () => {
  const [model, fused, half] = [await savedNet('residual'), newFolder(), join(newFolder(), 'v1.5')];
  const before = contents(model);
  const { code, out, error } = await run('export', model, '--fuse', '--out', fused);
  expect({ code, error, out }).toEqual({
    code: 0,
    error: [],
    out: [`written: model.json and its weights in ${fused}`],
  });
  const [whole, few] = [await outputOf(model), await outputOf(fused)];
  expect(few.layers).toBeLessThan(whole.layers);
  few.values.forEach((value, i) => expect(value).toBeCloseTo(whole.values[i], 5));
  expect((await run('export', model, '--quantize', 'float16', '--out', half)).error).toEqual([]);
  const weights = (folder: string): number =>
    readdirSync(folder).reduce((sum, file) => sum + (file.endsWith('.bin') ? statSync(join(folder, file)).size : 0), 0);
  expect(weights(half)).toBe(weights(model) / 2);
  expect(contents(model)).toEqual(before);
});

test('files of ONNX and of Keras; what Keras has written is a model for every command', async () => {
  const [model, to] = [await savedNet('residual'), newFolder()];
  const [onnx, keras] = [join(to, 'deep/net.onnx'), join(to, 'net.h5')];
  const { error, out } = await run('export', model, '--out', onnx);
  expect({ error, out }).toEqual({ error: [], out: [expect.stringMatching(/^written: .*net\.onnx \([\d.]+ kB\)$/)] });
  expect(readFileSync(onnx).includes('stem')).toBe(true);
  runAlone('export', model, '--out', keras, '--json');
  const again = join(to, 'again');
  runAlone('export', keras, '--out', again);
  expect((await outputOf(again)).values).toEqual((await outputOf(model)).values);
}, 120_000);

test('what cannot be is refused before anything is written', async () => {
  const [model, to] = [await savedNet('residual'), newFolder()];
  const at = (name: string): string => join(to, name);
  expect(await refusalOf('export', model, '--out', at('net.tflite'))).toMatch(
    /expected --out to be a folder or to end in \.onnx or \.h5, got ".*net\.tflite"\. See tfjs-prune export --help\.$/,
  );
  expect(await refusalOf('export', model, '--out', at('net.onnx'), '--quantize', 'uint8')).toMatch(
    /expected a folder for --out where there is --quantize, got ".*net\.onnx"/,
  );
  expect(await refusalOf('export', model, '--out', model)).toMatch(/expected a folder of its own, got that of MODEL/);
  expect(await refusalOf('export', model, '--out', at('half'), '--quantize', 'int4')).toMatch(
    /quantize to be one of float16, uint8, uint16, got "int4"/,
  );
  expect(existsSync(at('half'))).toBe(false);
  expect(readdirSync(to)).toEqual([]);
});
