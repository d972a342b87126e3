/** JSON from elsewhere, read with distrust. */

export type Json = Readonly<Record<string, unknown>>;

/** Throws the one error of the file being read; the place is known to it. */
export type Refuse = (expected: string, got: string, cure?: string) => never;

/** What reads a config calls itself for every level of it; a sound one has a dozen. */
const DEEPEST = 200;

/** @throws what `refuse` throws for text that is no JSON object, holds an infinite number, or is nested too deeply to walk. */
export function parseObject(text: string, refuse: Refuse, whatItIs: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse('JSON', text === '' ? 'an empty file' : describe(text), `Pass ${whatItIs}.`);
  }
  const flaw = flawOf(json);
  if (flaw) return refuse(...flaw, `Pass ${whatItIs}.`);
  return isRecord(json) ? json : refuse('a JSON object', describe(json), `Pass ${whatItIs}.`);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number of at least 0, small enough to count with. */
export function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A value in few characters. */
export function describe(value: unknown): string {
  if (value === undefined) return 'none';
  const text = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** What was expected and what came, where JSON cannot be worked with. A list, not recursion, which is what would fail. */
function flawOf(json: unknown): [string, string] | undefined {
  const open: [unknown, number][] = [[json, 1]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [value, depth] = next;
    // JSON has no infinity, but 1e999 becomes one, which no copy of the JSON would keep.
    if (value === Infinity || value === -Infinity) return ['numbers that a double can hold', 'one beyond 1e308'];
    if (typeof value !== 'object' || value === null) continue;
    if (depth > DEEPEST) return [`JSON of at most ${DEEPEST} levels`, 'deeper nesting'];
    for (const inner of Object.values(value)) open.push([inner, depth + 1]);
  }
  return undefined;
}

/** The first name that comes twice. */
export function firstTwin(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find(name => seen.size === seen.add(name).size);
}
