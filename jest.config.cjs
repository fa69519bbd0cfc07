// How jest compiles and runs the tests: swc to CommonJS, ES-module-only packages compiled as well.
const { existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { delimiter, join, resolve } = require('node:path');

// The pages of the documented APIs are not part of the project: their examples run where the folder is at hand.
process.env.CLIPYARD_SEEDS ??= resolve(__dirname, '../shared/seeds');
// So does what is done in a browser, where there is one.
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
process.env.CLIPYARD_TEST_BROWSER ??= BROWSERS.find((path) => existsSync(path)) ?? '';
const leftOut = [
  {
    path: '<rootDir>/test/examples/',
    want: 'the pages in CLIPYARD_SEEDS',
    isThere: existsSync(process.env.CLIPYARD_SEEDS),
  },
  {
    path: '<rootDir>/test/console/.*browser.test.ts',
    want: 'a browser in CLIPYARD_TEST_BROWSER',
    isThere: process.env.CLIPYARD_TEST_BROWSER !== '',
  },
  {
    path: '<rootDir>/test/observe/alerts.test.ts',
    want: "Prometheus' promtool on PATH",
    isThere: (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'promtool'))),
  },
].filter(({ isThere }) => !isThere);

// Tests that only read sources do without.
const setUp = {
  globalSetup: '<rootDir>/test/global-setup.cjs',
  globalTeardown: '<rootDir>/test/global-teardown.cjs',
};

const swc = [
  '@swc/jest',
  {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs', ignoreDynamic: true },
  },
];

module.exports = {
  // Those that run workflows wait more than they compute: three of them at once leave the cores of two idle in part.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
  testEnvironment: '<rootDir>/test/node-environment.cjs',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...leftOut.map(({ path }) => path)],
  transform: { '\\.[cm]?[jt]sx?$': swc },
  transformIgnorePatterns: ['/node_modules/(?!(cookie|set-cookie-parser|uuid|uuidv7)/)'],
  // Queries ask for the class of each of their parts, which takes most of their time where there are two copies of
  // drizzle-orm, and where `Object` is looked up in the test's context each time.
  moduleNameMapper: {
    '^@electric-sql/pglite$': '<rootDir>/test/catalog/pglite.cjs',
    '^drizzle-orm/pglite$': '<rootDir>/node_modules/drizzle-orm/pglite/index.cjs',
    '^drizzle-orm/pglite/migrator$': '<rootDir>/node_modules/drizzle-orm/pglite/migrator.cjs',
  },
  sandboxInjectedGlobals: ['Object'],
  modulePathIgnorePatterns: ['<rootDir>/dist'],
  ...(!process.env.CLIPYARD_SOURCES_ONLY && setUp),
  testTimeout: 180_000,
  reporters: ['default', ['<rootDir>/test/closing-line-reporter.cjs', { leftOut }]],
};
