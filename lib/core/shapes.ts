/** Shapes of which some sizes are open. */

/** Null where any size will do, or it is not known. */
export type Shape = readonly (number | null)[];

/** The shape of an example of every input, in the model's order, without the batch: `[[256]]` for texts of 256 tokens. */
export type InputSizes = readonly (readonly number[])[];

/** Of batches such as training data. */
export function exampleSizes(inputs: readonly { readonly shape: readonly number[] }[]): InputSizes {
  return inputs.map(({ shape }) => shape.slice(1));
}

/** `shape` could come out of (or go into) `wanted`. */
export function fits(shape: readonly number[], wanted: Shape): boolean {
  return shape.length === wanted.length && wanted.every((size, axis) => size === null || size === shape[axis]);
}

/** For people: `[any, 28, 28]`. */
export function showShape(shape: Shape): string {
  return `[${shape.map(size => size ?? 'any').join(', ')}]`;
}
