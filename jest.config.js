/** @type {import('jest').Config} */
module.exports = {
  preset: 'ts-jest',
  testEnvironment: 'node',
  roots: ['<rootDir>/spec'],
  testMatch: ['**/*.spec.ts'],
  moduleNameMapper: { '^tfjs-prune$': '<rootDir>/lib/index.ts' },
  // Types are checked once by `npm run types`; the specs themselves only need to run.
  transform: { '^.+\\.ts$': ['ts-jest', { diagnostics: false }] },
  setupFilesAfterEnv: ['<rootDir>/spec/setup.ts'],
  testTimeout: 60000,
  // Jest leaves one core idle unless told otherwise; here every core has something to do.
  maxWorkers: '100%',
};
