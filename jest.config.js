/**
 * Code in Jest's sandbox finds a global by asking an interceptor, which took four fifths of what nets of published size need. As parameters of
 * every module these are found at once.
 */
const GLOBALS = [
  'Array Boolean Date Error JSON Map Math Number Object Promise Proxy RangeError Reflect RegExp Set String Symbol TypeError WeakMap WeakSet',
  'ArrayBuffer BigInt64Array BigUint64Array DataView Float32Array Float64Array Int16Array Int32Array Int8Array Uint16Array Uint32Array',
  'Uint8Array Uint8ClampedArray Buffer Infinity WebAssembly isFinite isNaN parseFloat parseInt performance process',
].flatMap(names => names.split(' '));

/** @type {import('jest').Config} */
module.exports = {
  preset: 'ts-jest',
  testEnvironment: 'node',
  roots: ['<rootDir>/spec'],
  testMatch: ['**/*.spec.ts'],
  moduleNameMapper: { '^tfjs-prune$': '<rootDir>/lib/index.ts' },
  // Types are checked once by `npm run types`; the specs themselves only need to run.
  transform: { '^.+\\.ts$': ['ts-jest', { diagnostics: false }] },
  sandboxInjectedGlobals: GLOBALS,
  setupFilesAfterEnv: ['<rootDir>/spec/setup.ts'],
  testTimeout: 60000,
  // Jest leaves one core idle unless told otherwise; here every core has something to do.
  maxWorkers: '100%',
};
