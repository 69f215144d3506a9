import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** The layer table of ARCHITECTURE.md, as a rule: who may depend on whom. */
const layers = [
  { sourceTag: 'layer:base', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'layer:contract', onlyDependOnLibsWithTags: [] },
  {
    sourceTag: 'layer:platform',
    onlyDependOnLibsWithTags: ['layer:base', 'layer:contract', 'layer:platform'],
  },
  {
    sourceTag: 'layer:testing',
    onlyDependOnLibsWithTags: ['layer:base', 'layer:contract', 'layer:platform'],
  },
  {
    sourceTag: 'layer:app',
    onlyDependOnLibsWithTags: ['layer:base', 'layer:contract', 'layer:platform', 'layer:testing'],
  },
  { sourceTag: 'layer:e2e', onlyDependOnLibsWithTags: ['layer:testing', 'layer:tool'] },
  {
    sourceTag: 'layer:tool',
    onlyDependOnLibsWithTags: [
      'layer:base',
      'layer:contract',
      'layer:platform',
      'layer:testing',
      'layer:tool',
    ],
  },
];

export default tseslint.config(
  {
    ignores: ['**/dist', '**/out-tsc', '**/coverage', '**/.nx', '**/.hallmark', 'libs/contracts/src/gen/**'],
  },
  js.configs.recommended,
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { allow: [], depConstraints: layers }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['apps/*/src/**/*.ts', 'libs/{errors,contracts,postgres,rpc,runtime}/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: '@hallmark/testing', message: 'Only tests may use the testing lib.' }] },
      ],
    },
  },
  {
    files: ['apps/*/src/domain/*.ts'],
    rules: { 'no-restricted-imports': domainImports() },
  },
  {
    files: ['apps/*/src/domain/*/**/*.ts'],
    rules: { 'no-restricted-imports': domainImports('\\.\\./[a-z\\d-]+\\.ts$') },
  },
  {
    files: ['apps/*/src/domain/*/**/*.test.ts'],
    rules: {
      'no-restricted-imports': domainImports('\\.\\./[a-z\\d-]+\\.ts$', '\\.\\./\\.\\./\\.\\./test/'),
    },
  },
);

function domainImports(...further) {
  const allowed = ['@hallmark/errors$', '\\./', 'node:crypto$', '@jest/globals$', ...further];
  return [
    'error',
    {
      patterns: [
        {
          regex: `^(?!${allowed.join('|')})`,
          message:
            'The domain imports nothing that can fail: only @hallmark/errors, node:crypto for digests, and other domain files.',
        },
      ],
    },
  ];
}
