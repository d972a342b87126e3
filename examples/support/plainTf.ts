/** How plain tf.js reads a saved model in Node without a native add-on: no tfjs-prune in here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';

/** A load handler for `tf.loadLayersModel`; in the browser a URL does the same. */
export function fileHandler(directory: string): io.IOHandler {
  return {
    load() {
      const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(directory, 'model.json'), 'utf8'));
      const groups: { paths: string[]; weights: io.WeightsManifestEntry[] }[] = weightsManifest;
      const shards = groups.flatMap(({ paths }) => paths.map(path => readFileSync(join(directory, path))));
      const weightData = new Uint8Array(Buffer.concat(shards)).buffer;
      return Promise.resolve({ modelTopology, weightSpecs: groups.flatMap(({ weights }) => weights), weightData });
    },
  };
}
