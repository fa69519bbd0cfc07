#!/usr/bin/env node
// Starts the command line: installs and compiles what a fresh checkout lacks, then hands over to the compiled program.
import { prepareCheckout } from './prepare-checkout.js';

prepareCheckout();
await import('../dist/src/cli/main.js');
