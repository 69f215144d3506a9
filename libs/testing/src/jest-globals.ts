import type * as jestGlobals from '@jest/globals';

// Importing `@jest/globals` throws outside a test run, and programs such as the bench use this lib's
// servers too. So the helpers that register hooks take the globals that Jest gives to every test file.
declare const describe: typeof jestGlobals.describe;
declare const test: typeof jestGlobals.test;
declare const beforeAll: typeof jestGlobals.beforeAll;
declare const afterAll: typeof jestGlobals.afterAll;

interface JestGlobals {
  readonly describe: typeof jestGlobals.describe;
  readonly test: typeof jestGlobals.test;
  readonly beforeAll: typeof jestGlobals.beforeAll;
  readonly afterAll: typeof jestGlobals.afterAll;
}

export const jestHooks = (): JestGlobals => ({ describe, test, beforeAll, afterAll });
