/** A store of runs in memory. */
import type { RunStore } from '../../lib/core/store';

/** Fails at a write when told to, after that many of them. */
export function memoryStore(files = new Map<string, Uint8Array>()) {
  let left = Infinity;
  const store: RunStore = {
    name: 'memory',
    read: name => Promise.resolve(files.get(name)),
    write(name, bytes) {
      if (left-- <= 0) return Promise.reject(new Error('the power went'));
      files.set(name, bytes);
      return Promise.resolve();
    },
  };
  return { store, files, failAfter: (writes: number): void => void (left = writes) };
}
