/** JSON from elsewhere, field by field. */
import { PruneError } from './errors';
import { describe, isRecord } from './json';

/** Throws the one error of what is being read. */
export type RefuseField = (expected: string, got: unknown) => never;
export type Require = (value: unknown, place: string, refuse: RefuseField) => void;

export const WORD = 'string';
export const NUMBER = 'number';
type Kinds = Readonly<Record<string, typeof WORD | typeof NUMBER>>;

/** @throws what it is for: `bad-file` that names the place. */
export function fieldRefuser(place: string, cure: string): RefuseField {
  return (expected, got) => {
    throw new PruneError('bad-file', { place, expected, got: describe(got), cure });
  };
}

export function requireFields(value: unknown, fields: Kinds, place: string, refuse: RefuseField): void {
  if (!isRecord(value)) return refuse(`an object as ${place}`, value);
  for (const [name, kind] of Object.entries(fields)) {
    if (typeof value[name] !== kind) refuse(`a ${kind === WORD ? 'word' : NUMBER} as ${place}.${name}`, value[name]);
  }
}

/** Those that are there. */
export function requireKnown(value: unknown, fields: Kinds, place: string, refuse: RefuseField): void {
  const there = Object.entries(fields).filter(([name]) => isRecord(value) && value[name] !== undefined);
  requireFields(value, Object.fromEntries(there), place, refuse);
}

export function requireEach(list: unknown, name: string, require: Require, refuse: RefuseField): void {
  if (!Array.isArray(list)) return refuse(`a list of ${name}`, list);
  list.forEach((value, i) => require(value, `${name}[${i}]`, refuse));
}

/** Without what is null, as JSON writes what is not finite. */
export function withoutNull(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(withoutNull);
  if (!isRecord(json)) return json;
  const known = Object.entries(json).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, withoutNull(value)]));
}
