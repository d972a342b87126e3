/**
 * The specs on TensorFlow's native kernels; scripts/test-native.mjs builds them in .native/ and starts this.
 * Left out is what is about another backend.
 */
const base = require('./jest.config');

const ELSEWHERE = [
  'spec/kernels/', // compares our WASM kernels with plain JavaScript
  'spec/runtime/backend.spec.ts', // plays through which backend is chosen, with false packages
  'spec/runtime/wasmThreads.spec.ts', // the threads of WASM
  'spec/cli/clone.spec.ts', // starts processes, which find WASM alone
  'spec/native/.*\\.spec\\.ts$', // builds the addon with false tools
];

/** The clone's own tf.js, which the library uses, also where the addon asks for its own copy. */
const shared = 'tfjs-(core|layers|backend-cpu|backend-wasm)';

/** @type {import('jest').Config} */
module.exports = {
  ...base,
  testEnvironment: '<rootDir>/spec/native/environment.cjs',
  moduleNameMapper: {
    ...base.moduleNameMapper,
    '^@tensorflow/tfjs-node$': '<rootDir>/.native/node_modules/@tensorflow/tfjs-node',
    [`^@tensorflow/${shared}(/.*)?$`]: '<rootDir>/node_modules/@tensorflow/tfjs-$1$2',
  },
  // Calling TensorFlow costs more than calling WASM, and some specs make thousands of small steps.
  testTimeout: 4 * base.testTimeout,
  testMatch: [...base.testMatch, '**/*.native.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...ELSEWHERE.map(path => `<rootDir>/${path}`)],
  setupFiles: ['<rootDir>/spec/native/load.cjs', '<rootDir>/spec/native/install.ts'],
};
