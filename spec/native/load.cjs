/** Loads TensorFlow's addon before a spec file does anything, so that it is what tf.js takes where no backend is named. */
'use strict';
process.env.TFJS_PRUNE_NATIVE = '1';
process.env.TF_CPP_MIN_LOG_LEVEL = '2';
const util = require('node:util');

// The two functions that Node.js 23 removed, as useBackend does.
util.isNullOrUndefined ??= value => value == null;
util.isArray ??= Array.isArray;
require('@tensorflow/tfjs-node');
