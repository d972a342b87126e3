/** Elements of the page, by name and newly made. */

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

type Content = Node | string | false | undefined;

/** Text is text: names in a file may hold anything. */
export function element(
  tag: string,
  attributes: Readonly<Record<string, string>> = {},
  ...content: Content[]
): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content.filter(item => item !== undefined && item !== false));
  return made;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly change?: string;
  readonly good?: boolean;
}

export function facts(list: readonly Fact[], large = false): HTMLElement {
  const items = list.map(({ name, value, change, good }) =>
    element(
      'div',
      {},
      element('dt', {}, name),
      element(
        'dd',
        large ? { class: 'large' } : {},
        value,
        change !== undefined && element('span', { class: good ? 'change good' : 'change' }, change),
      ),
    ),
  );
  return element('dl', { class: 'facts' }, ...items);
}

/** The first row is the head, the first cell of the others names the row; columns of numbers are counted from 0. */
export function table(
  caption: string,
  [head, ...rows]: readonly Content[][],
  numbers: readonly number[] = [],
): HTMLElement {
  const of = (column: number): Record<string, string> => (numbers.includes(column) ? { class: 'number-cell' } : {});
  const heads = head.map((cell, i) => element('th', { scope: 'col', ...of(i) }, cell));
  const body = rows.map(cells =>
    element(
      'tr',
      {},
      ...cells.map((cell, i) => element(i === 0 ? 'th' : 'td', { ...(i === 0 && { scope: 'row' }), ...of(i) }, cell)),
    ),
  );
  return element(
    'div',
    { class: 'scroll', role: 'group', 'aria-label': caption, tabindex: '0' },
    element(
      'table',
      {},
      element('caption', {}, caption),
      element('thead', {}, element('tr', {}, ...heads)),
      element('tbody', {}, ...body),
    ),
  );
}

export function fold(summary: string, ...content: Content[]): HTMLElement {
  return element('details', {}, element('summary', {}, summary), ...content);
}

/** A drawing of the library. */
export function drawing(svg: string): Node {
  return document.importNode(new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement, true);
}

export function failure(message: string): HTMLElement {
  return element('p', { class: 'error', role: 'alert' }, element('strong', {}, 'That did not work. '), message);
}
