// Prints which tests are left out and, at the end, the slowest files and jest's totals as one plain line that other tools read.
const { relative } = require('node:path');

const SLOWEST = 20;

module.exports = class ClosingLineReporter {
  constructor(_config, { leftOut }) {
    this.leftOut = leftOut;
  }

  onRunStart() {
    for (const { path, want } of this.leftOut) {
      process.stdout.write(`left out: ${path.replace('<rootDir>/', '')}, for want of ${want}\n`);
    }
  }

  onRunComplete(_contexts, results) {
    const seconds = ({ perfStats: { start, end } }) => Math.round((end - start) / 1000);
    const slowest = results.testResults.toSorted((one, other) => seconds(other) - seconds(one)).slice(0, SLOWEST);
    process.stdout.write(`the slowest ${slowest.length} files, in seconds:\n`);
    for (const one of slowest) process.stdout.write(`${seconds(one)}\t${relative('.', one.testFilePath)}\n`);
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = results;
    process.stdout.write(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed\n`);
  }
};
