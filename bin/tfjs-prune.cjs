#!/usr/bin/env node
/** The command: from the build where the package is installed, from the sources in a clone, where a build is missing or old. */
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const sources = join(__dirname, '../lib/cli/bin.ts');
if (!existsSync(sources)) require('../dist/cli.js');
else if (hasLoader()) require(sources);

function hasLoader() {
  try {
    require('tsx/cjs/api').register();
    return true;
  } catch {
    console.error('tfjs-prune: expected an installed clone, got one without node_modules. Run npm run setup.');
    process.exitCode = 1;
    return false;
  }
}
