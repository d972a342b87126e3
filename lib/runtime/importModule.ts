/** Loading by name at run time. */

/** `import(name)`; through a variable, so that bundlers leave optional packages out, and marked, so that they do not warn of it. */
export function importModule(name: string): Promise<unknown> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}
