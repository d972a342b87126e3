/** Keys that JSON.parse would drop without a word. */

/** The first key that an object in `text`, which must be valid JSON, has twice; the later one would win. */
export function twinKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  // Strings with what follows them, and brackets; anything else cannot matter.
  const tokens = /"((?:[^"\\]|\\.)*)"(\s*:)?|[{}]/gs;
  for (const [token, content, colon] of text.matchAll(tokens)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const key = content.includes('\\') ? (JSON.parse(`"${content}"`) as string) : content;
      const keys = open[open.length - 1];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
