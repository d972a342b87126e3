/** Loads TensorFlow's addon before a spec file does anything, so that it is what tf.js takes where no backend is named. */
'use strict';
const util = require('node:util');

// The two functions that Node.js 23 removed, as useBackend does.
util.isNullOrUndefined ??= value => value == null;
util.isArray ??= Array.isArray;
require('@tensorflow/tfjs-node');
