/** Runs before every spec file. */
import { env } from '@tensorflow/tfjs-core';

// tf.js advertises its native backend on the first tensor; among test results that is noise.
env().set('IS_TEST', true);
