/**
 * Runs before every spec file: tf.js advertises its native backend on the first tensor, and says of initial states that they
 * are not saved, which they are; among test results that is noise.
 */
const { warn } = console;
const NOISE = /looks like you are running TensorFlow.js in Node.js|was passed non-serializable keyword arguments/;

console.warn = (...messages: unknown[]): void => {
  if (!NOISE.test(String(messages[0]))) warn(...messages);
};

export {};
