/** Shapes of which some sizes are open. */

/** Null where any size will do, or it is not known. */
export type Shape = readonly (number | null)[];

/** `shape` could come out of (or go into) `wanted`. */
export function fits(shape: readonly number[], wanted: Shape): boolean {
  return shape.length === wanted.length && wanted.every((size, axis) => size === null || size === shape[axis]);
}

/** For people: `[any, 28, 28]`. */
export function showShape(shape: Shape): string {
  return `[${shape.map(size => size ?? 'any').join(', ')}]`;
}
