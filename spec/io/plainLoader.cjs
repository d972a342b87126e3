/** Stands in for a user's program: stock tf.js and node:fs, nothing of this project. Prints the outputs as JSON. */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const [, , folder, input] = process.argv;
const tf = require('@tensorflow/tfjs-core');
const { loadLayersModel } = require('@tensorflow/tfjs-layers');
require('@tensorflow/tfjs-backend-cpu');

const handler = {
  async load() {
    const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
    const shards = weightsManifest.flatMap(({ paths }) => paths.map(path => readFileSync(join(folder, path))));
    const weightData = new Uint8Array(Buffer.concat(shards)).buffer;
    return { modelTopology, weightSpecs: weightsManifest.flatMap(({ weights }) => weights), weightData };
  },
};

loadLayersModel(handler).then(async model => {
  const { shape, data } = JSON.parse(readFileSync(input, 'utf8'));
  const values = await model.predict(tf.tensor(data, shape)).data();
  console.log(JSON.stringify(Array.from(values)));
});
