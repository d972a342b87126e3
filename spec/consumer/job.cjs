/** What a user does, with the library given: prunes a small net, saves it and reads it back. */
const assert = require('node:assert/strict');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { layers, sequential } = require('@tensorflow/tfjs-layers');

exports.job = async library => {
  const { compress, formatReport, loadLayersModel, magnitude, prune, saveLayersModel, uniform, useBackend } = library;
  await useBackend('wasm');
  const net = sequential({ name: 'net' });
  net.add(layers.dense({ name: 'hidden', units: 8, inputShape: [4], activation: 'relu' }));
  net.add(layers.dense({ name: 'head', units: 3 }));
  const method = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) });
  const { model, report } = await compress(net, method, { latency: false });
  assert.deepEqual([report.before.units, report.after.units], [8, 4]);
  assert.match(formatReport(report, 'terminal'), /hidden +8 +4/);
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-prune-'));
  try {
    await saveLayersModel(model, folder);
    const loaded = await loadLayersModel(folder);
    assert.equal(loaded.countParams(), 4 * 4 + 4 + 4 * 3 + 3);
    await assert.rejects(loadLayersModel(join(folder, 'nothing')), { name: 'PruneError', code: 'bad-file' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
