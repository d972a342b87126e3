/** Runs before every spec file: tf.js advertises its native backend on the first tensor; among test results that is noise. */
const { warn } = console;

console.warn = (...messages: unknown[]): void => {
  if (!String(messages[0]).includes('looks like you are running TensorFlow.js in Node.js')) warn(...messages);
};

export {};
