/** Loading by name at run time. */

/** `import(name)`; through a variable, so that bundlers leave optional packages out. */
export function importModule(name: string): Promise<unknown> {
  return import(name);
}
