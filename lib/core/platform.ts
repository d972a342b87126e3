/** Where this runs. */

export function isNode(): boolean {
  return typeof process !== 'undefined' && process.versions?.node !== undefined;
}
