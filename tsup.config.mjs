import { rmSync } from 'node:fs';
import { defineConfig } from 'tsup';

const shared = {
  target: 'node20',
  // Peers and dependencies must stay the user's own copies: tf.js keeps its class registry per copy.
  external: [/^@tensorflow\//, 'seedrandom'],
  sourcemap: false,
  splitting: false,
};

export default defineConfig(() => {
  rmSync('dist', { recursive: true, force: true });
  return [
    { ...shared, entry: { index: 'lib/index.ts' }, format: ['cjs', 'esm'], dts: true },
    { ...shared, entry: { cli: 'lib/cli/bin.ts' }, format: ['cjs'] },
  ];
});
