/** A page as a tree, for specs that look at its structure: strict, so that what is not well-formed fails. */

export interface Node {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (Node | string)[];
}

const VOID = ['meta', 'link', 'wbr'];
/** Their end tags may be left out in HTML; we do not. */
const TAG = /<!doctype html>|<(\/?)([a-z][a-zA-Z0-9]*)((?:\s+[a-zA-Z][\w:-]*(?:="[^"<>]*")?)*)\s*(\/?)>/y;
const TEXT = /[^<]+/y;

/** @throws where a tag is not closed, closed twice, or not one. */
export function parsePage(html: string): Node {
  const root: Node = { tag: '', attributes: {}, children: [] };
  const open: Node[] = [root];
  for (let at = 0; at < html.length;) {
    const inner = open[open.length - 1];
    const raw = inner.tag === 'style' ? html.indexOf('</style>', at) : -1;
    const pattern = html[at] === '<' ? TAG : TEXT;
    pattern.lastIndex = at;
    const found = raw > at ? [html.slice(at, raw)] : pattern.exec(html);
    if (!found) throw new Error(`no tag at ${JSON.stringify(html.slice(at, at + 60))}`);
    at += found[0].length;
    const [whole, end, tag, attributes, alone] = found;
    if (tag === undefined) {
      if (whole !== '<!doctype html>') inner.children.push(whole);
    } else if (end === '/') {
      if (open.pop()!.tag !== tag) throw new Error(`</${tag}> within <${inner.tag}>`);
    } else {
      const node = { tag, attributes: attributesOf(attributes), children: [] };
      inner.children.push(node);
      if (alone !== '/' && !VOID.includes(tag)) open.push(node);
    }
  }
  if (open.length > 1) throw new Error(`<${open[open.length - 1].tag}> is not closed`);
  return root;
}

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name, value = ''] of text.matchAll(/([a-zA-Z][\w:-]*)(?:="([^"]*)")?/g)) {
    if (Object.hasOwn(found, name)) throw new Error(`${name} twice`);
    found[name] = value;
  }
  return found;
}

/** All below `node`, in the order of the text. */
export function below(node: Node): Node[] {
  return node.children.flatMap(child => (typeof child === 'string' ? [] : [child, ...below(child)]));
}

export function textOf(node: Node): string {
  return node.children.map(child => (typeof child === 'string' ? child : textOf(child))).join('');
}
