/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  testEnvironmentOptions: { customExportConditions: ['@hallmark/source', 'node', 'node-addons', 'import'] },
  // The condition `import` counts for `require` too, where pg would get a module in place of a class.
  moduleNameMapper: { '^pg-pool$': import.meta.dirname + '/node_modules/pg-pool/index.js' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        module: { type: 'nodenext' },
        jsc: { target: 'es2024', parser: { syntax: 'typescript' }, keepClassNames: true },
      },
    ],
  },
  reporters: ['default', import.meta.dirname + '/tools/ci/count-reporter.mjs'],
  coverageDirectory: 'coverage',
};
