/**
 * Trained models that others published: converted from several versions of Keras, or written by tf.js. They lie outside the
 * project (their licences differ); TFJS_PRUNE_MODELS names the folder, and without it these specs are skipped.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  capture,
  compress,
  groups,
  loadLayersModel,
  magnitude,
  prune,
  saveLayersModel,
  uniform,
  useBackend,
} from 'tfjs-prune';
import { relativeError, type NdArray } from '../../lib/core/array';
import { predict } from '../../lib/runtime/predict';
import { probeInputs } from '../../lib/runtime/probes';
import { fileHandler } from '../../examples/support/plainTf';
import { WASM } from '../backend';
import { ROOT } from '../house/sources';
import { newFolder, removeFolders } from '../io/folder';
import { disposeAll } from '../io/models';

const FOLDER = process.env.TFJS_PRUNE_MODELS ?? join(ROOT, '../shared/data/tfjs-models');
const names = existsSync(FOLDER)
  ? readdirSync(FOLDER).filter(name => existsSync(join(FOLDER, name, 'model.json')))
  : [];
const RATIOS = [0.3, 0.6];
/** The only reasons that hold units back in these models: they enter, they leave, or one value serves many. */
const REASONS = /^model (in|out)put$|is not made of units$|spreads it over all units of the other input$/;

afterEach(removeFolders);

if (names.length === 0) test.skip(`no models in ${FOLDER}: set TFJS_PRUNE_MODELS`, () => undefined);
else {
  beforeAll(() => useBackend(WASM));

  test.each(names)(
    '%s shrinks exactly, and plain tf.js runs it',
    async name => {
      jest.spyOn(console, 'warn').mockImplementation(); // one of them states a wrong input shape for its second layer
      const model = await loadLayersModel(join(FOLDER, name));
      const free = groups(await capture(model)).filter(({ frozen }) => frozen === undefined);
      expect(free.length).toBeGreaterThan(0);
      for (const ratio of RATIOS) {
        const tensors = tf.memory().numTensors;
        const cut = prune({ criterion: magnitude(), budget: uniform({ ratio, minimum: 1 }) });
        const { model: small, report, plan } = await compress(model, cut, { latency: false });
        expect(report.certificates.map(({ error }) => error <= 1e-5)).toEqual([true]);
        expect(report.after.parameters / report.before.parameters).toBeLessThan(1 - 0.9 * ratio);
        for (const { frozen } of plan.groups) if (frozen !== undefined) expect(frozen).toMatch(REASONS);
        const inputs = probeInputs(small, 3, 1);
        expect(await plainly(small, inputs)).toBeLessThanOrEqual(1e-6);
        small.dispose();
        expect(tf.memory().numTensors).toBe(tensors);
      }
      model.dispose();
    },
    300_000,
  );
}

/** Largest relative difference between `model` and its file as plain tf.js reads and runs it. */
async function plainly(model: layers.LayersModel, inputs: readonly NdArray[]): Promise<number> {
  const folder = newFolder();
  await saveLayersModel(model, folder);
  const plain = await layers.loadLayersModel(fileHandler(folder));
  const [ours, theirs] = [await predict(model, inputs), await predict(plain, inputs)];
  disposeAll(plain); // tf.js leaves nested models behind
  return Math.max(...ours.map(({ data }, i) => relativeError(data, theirs[i].data)));
}
