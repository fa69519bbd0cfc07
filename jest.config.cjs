// How jest compiles and runs the tests: swc to CommonJS, ES-module-only packages compiled as well.
const swc = [
  '@swc/jest',
  {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs', ignoreDynamic: true },
  },
];

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '\\.[cm]?[jt]sx?$': swc },
  transformIgnorePatterns: ['/node_modules/(?!(cookie|set-cookie-parser|uuid|uuidv7)/)'],
  modulePathIgnorePatterns: ['<rootDir>/dist'],
  testTimeout: 180_000,
  reporters: ['default', '<rootDir>/test/closing-line-reporter.cjs'],
};
