// Prints which tests are left out and, at the end, jest's totals as one plain line that other tools read.
module.exports = class ClosingLineReporter {
  constructor(_config, { leftOut }) {
    this.leftOut = leftOut;
  }

  onRunStart() {
    for (const folder of this.leftOut) {
      process.stdout.write(`left out: ${folder.replace('<rootDir>/', '')}, for want of the pages in CLIPYARD_SEEDS\n`);
    }
  }

  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = results;
    process.stdout.write(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed\n`);
  }
};
