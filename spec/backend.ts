/** What the specs run on; `npm run test:native` puts TensorFlow's native kernels in the place of WASM and plain JavaScript. */
export const NATIVE = process.env.TFJS_PRUNE_NATIVE === '1';

/** As useBackend names it. */
export const WASM = NATIVE ? 'node' : 'wasm';

/** As tf.setBackend names them. */
export const WASM_KERNELS = NATIVE ? 'tensorflow' : 'wasm';
export const CPU_KERNELS = NATIVE ? 'tensorflow' : 'cpu';
