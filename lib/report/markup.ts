/** HTML and SVG as text, with every name escaped: what goes into a template is words unless it was made by one. */

export interface Markup {
  readonly markup: string;
}

/** Words are escaped, lists joined; what is undefined or false leaves nothing. */
export type Part = string | number | Markup | undefined | false | readonly Part[];

/** A template whose parts cannot break out of it; attribute values stand in double quotes. */
export function markup(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: texts.map((text, i) => text + (i < parts.length ? rendered(parts[i]) : '')).join('') };
}

function rendered(part: Part): string {
  if (part === undefined || part === false) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return 'markup' in part ? part.markup : part.map(rendered).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** XML has no way to write control characters. */
function escaped(words: string): string {
  return words
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
    .replace(/[&<>"']/g, sign => ENTITIES[sign]);
}
