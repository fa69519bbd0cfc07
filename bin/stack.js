#!/usr/bin/env node
// Starts the stack: installs and compiles what a fresh checkout lacks, then hands over to the compiled program.
import { prepareCheckout } from './prepare-checkout.js';

try {
  prepareCheckout();
} catch (error) {
  // The installer or the compiler has said what is wrong.
  process.stderr.write(`stack: ${error.message}\n`);
  process.exit(1);
}
await import('../dist/scripts/stack.js');
