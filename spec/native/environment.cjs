/**
 * Node.js as the specs see it, with the typed arrays of the process itself: those that a native addon makes are of that kind,
 * and tf.js asks with instanceof, which is false across jest's borders.
 */
'use strict';
const { TestEnvironment } = require('jest-environment-node');

const SHARED = Object.getOwnPropertyNames(globalThis).filter(name => /^(.+Array|ArrayBuffer|DataView)$/.test(name));

module.exports = class extends TestEnvironment {
  constructor(...args) {
    super(...args);
    for (const name of SHARED) this.global[name] = globalThis[name];
  }
};
