/** What pages are built of. */
import { inline, type Drawing } from '../drawing/drawing';
import { markup, type Markup, type Part } from '../markup';

export interface Section {
  /** Of the address within the page. */
  readonly id: string;
  readonly title: string;
  readonly body: Part;
}

export interface TableOptions {
  /** What is in it, for those who do not see where it stands. */
  readonly caption: string;
  /** Columns of words, counted from 0; the first always is one. */
  readonly words?: readonly number[];
}

export function section({ id, title, body }: Section): Markup {
  return markup`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>
`;
}

/** The first row is the head, the first cell of the others the name of the row; wide ones can be moved by keyboard too. */
export function table([head, ...rows]: readonly (readonly string[])[], { caption, words = [] }: TableOptions): Markup {
  const isWords = (column: number): boolean => column === 0 || words.includes(column);
  const of = (column: number): Markup | false => !isWords(column) && markup` class="number"`;
  const heads = head.map((cell, i) => (cell === '' ? markup`<td></td>` : markup`<th scope="col"${of(i)}>${cell}</th>`));
  const body = rows.map(
    ([name, ...cells]) =>
      markup`<tr><th scope="row">${breakable(name)}</th>${cells.map((cell, i) => markup`<td${of(i + 1)}>${cell}</td>`)}</tr>
`,
  );
  return markup`<div class="scroll" role="group" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${heads}</tr></thead>
<tbody>
${body}</tbody></table></div>
`;
}

/** A name that may be broken behind what its parts are joined by. */
export function breakable(name: string): Part {
  return name.split(/(?<=[_/.-])(?=\w)/).map((part, i) => [i > 0 && markup`<wbr>`, part]);
}

/** A drawing under its title, and the numbers in it for those who want them, or do not see it. */
export function figure(drawing: Drawing, numbers?: Markup): Markup {
  return markup`<figure><figcaption>${drawing.title}</figcaption>
${inline(drawing)}
${numbers && fold('The numbers', numbers)}</figure>
`;
}

export function fold(summary: Part, body: Part, open = false): Markup {
  return markup`<details${open && markup` open`}><summary>${summary}</summary>
${body}</details>
`;
}

export function paragraphs(texts: readonly string[]): readonly Markup[] {
  return texts.filter(Boolean).map(
    text => markup`<p>${text}</p>
`,
  );
}
