/** Looks at what a bundler makes of the package for a page: that it needs no setting, holds no Node.js, and only what is used. */
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What a page may take of the package. */
const PAGES = {
  'all of it': "export * from 'tfjs-prune';",
  'compress with prune, magnitude, uniform': "export { compress, prune, magnitude, uniform } from 'tfjs-prune';",
  'magnitude alone': "export { magnitude } from 'tfjs-prune';",
};
/** Pages that only load models of ours take the package for nothing but its layers. */
const FOR_LAYERS = [
  "import 'tfjs-prune'; import { serialization } from '@tensorflow/tfjs-core';",
  "require('tfjs-prune'); const { serialization } = require('@tensorflow/tfjs-core');",
];
/** Of the whole, at most. */
const ONE_FUNCTION = 1 / 4;
/** Registered by the bare import, so that plain tf.js loads them. */
const OURS = [
  'Slimmable',
  ...['Attention', 'LoraDense', 'RmsNorm', 'TiedEmbedding', 'ClassToken'].map(name => `Prune${name}`),
];

/** Lines about sizes; throws what is wrong. */
export async function checkBundle(consumer) {
  const sizes = [];
  for (const [name, page] of Object.entries(PAGES)) {
    // With tf.js in it, nothing may be left to import.
    const whole = await bundle(consumer, page);
    const left = Object.values(whole.metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
    if (left.length > 0) throw new Error(`${name} still imports ${left.join(', ')}`);
    const own = (await bundle(consumer, page, ['@tensorflow/*', 'seedrandom'])).outputFiles[0].text;
    sizes.push({ name, bytes: own.length, gzip: gzipSync(own).length });
  }
  const [{ bytes: all }] = sizes;
  const { name, bytes: one } = sizes[sizes.length - 1];
  if (one > ONE_FUNCTION * all) throw new Error(`${name}: ${one} of ${all} bytes`);
  for (const take of FOR_LAYERS) await checkRegistration(consumer, take);
  return sizes.map(
    each => `${each.name}: ${kilobytes(each.bytes)} minified, ${kilobytes(each.gzip)} gzip, without tf.js`,
  );
}

async function checkRegistration(consumer, take) {
  const page = `${take}
    globalThis.classes = Object.keys(serialization.SerializationMap.getMap().classNameMap);`;
  // As a page, it knows no process, and so no Node.js.
  const scope = createContext({ TextEncoder, TextDecoder, performance, URL, setTimeout, clearTimeout, console });
  scope.self = scope;
  runInContext((await bundle(consumer, page)).outputFiles[0].text, scope);
  const { classes } = scope;
  const missing = OURS.filter(name => !classes.includes(name));
  if (missing.length > 0) throw new Error(`with ${take} the bundle does not register ${missing.join(', ')}`);
}

async function bundle(consumer, contents, external = []) {
  const result = await build({
    stdin: { contents, resolveDir: consumer },
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    external,
    logLevel: 'silent',
  });
  if (result.warnings.length > 0) throw new Error(result.warnings.map(({ text }) => text).join('\n'));
  const odd = Object.keys(result.metafile.inputs).filter(
    path => /tfjs-prune\/dist\//.test(path) && !/\/dist\/browser\//.test(path),
  );
  if (odd.length > 0) throw new Error(`bundlers take ${odd.join(', ')}`);
  return result;
}

function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
