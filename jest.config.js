const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2024' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/'],
  injectGlobals: false,
  testEnvironment: 'node',
  setupFilesAfterEnv: ['<rootDir>/test/setup.ts'],
};

/** Two suites: `unit` needs Node alone; `cluster` needs what `make tools` builds. */
export default {
  coverageProvider: 'v8',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/cluster/', '<rootDir>/test/interop/'],
    },
    {
      ...shared,
      displayName: 'cluster',
      globalSetup: '<rootDir>/test/support/cluster-setup.config.js',
      testMatch: ['<rootDir>/test/cluster/**/*.test.ts', '<rootDir>/test/interop/**/*.test.ts'],
    },
  ],
};
