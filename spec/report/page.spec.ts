import { DARK, LIGHT, type Theme } from '../../lib/report/drawing/theme';
import { toHtml } from '../../lib/report/html/page';
import type { Account } from '../../lib/report/account';
import { below, parsePage, textOf, type Node } from './html';
import { ACCOUNT, PLAN, SAMPLE } from './sample';

const page = toHtml(ACCOUNT);
const nodes = below(parsePage(page));
const all = (...tags: string[]): Node[] => nodes.filter(({ tag }) => tags.includes(tag));
const titles = (html: string): string[] =>
  below(parsePage(html))
    .filter(({ tag }) => tag === 'h2')
    .map(textOf);

test('has a section for everything that is known, and says it', () => {
  expect(titles(page)).toEqual([
    'Before and after',
    'Certificate',
    'Stages',
    'Widths',
    'Groups',
    'Frozen',
    'Chosen by the clock',
    'Gammas while slimming',
    'Sensitivity',
    'Also',
  ]);
  const words = all('main').map(textOf).join('');
  for (const told of [
    '-65.0 %',
    '3.83x as fast (batch 64, median of 30)',
    'Certificate: the cut is exact, sliced = masked within 3.0e-8 on 4 probes (limit 1.0e-4).',
    '11.31 %',
    '12.3 ms',
    '12 of 24 channels stay',
    '(Add) ties them position by position',
    'model output',
    'Timed on wasm: 5.00 ms of 10.0 ms allowed',
    'Accuracy when one group alone loses units by l1; of the whole model 98.0 %.',
    'block gone: block4 (3 layers)',
    'nominal slicing: -25.0 % of the dimensions of 1 streams (64 to 48)',
    'taken back: prune(l1) (accuracy fell)',
  ]) {
    expect(words).toContain(told);
  }
  expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
});

test('what is not known is left out, and so is its place in the list of sections', () => {
  const bare: Account = {
    report: { ...SAMPLE, split: undefined, latency: undefined, certificates: [], stages: [], layers: [] },
  };
  const html = toHtml(bare);
  expect(titles(html)).toEqual(['Before and after']);
  expect(html.match(/<li>/g)).toHaveLength(1);
  expect(html).not.toMatch(/NaN|undefined/);
  const frozen = { ...PLAN, groups: PLAN.groups.filter(group => group.frozen !== undefined) };
  expect(titles(toHtml({ ...bare, plan: frozen }))).toEqual(['Before and after', 'Frozen']);
  const untold = { ...PLAN, groups: PLAN.groups.map(({ coupled: _, reasons: __, savings: ___, ...group }) => group) };
  expect(titles(toHtml({ ...bare, plan: untold }))).toEqual(['Before and after', 'Groups', 'Frozen']);
  expect(titles(toHtml({ ...bare, plan: { ...PLAN, groups: [] } }))).toEqual(['Before and after']);
});

test('the same account gives the same text', () => expect(toHtml(structuredClone(ACCOUNT))).toBe(page));

test('is one file: nothing is fetched, nothing runs', () => {
  expect(all('script', 'img', 'iframe', 'object', 'embed', 'base', 'form')).toEqual([]);
  for (const { tag, attributes } of nodes) {
    for (const [name, value] of Object.entries(attributes)) {
      expect(name).not.toMatch(/^on|^src|^style$|^action|xlink/);
      if (name === 'href') expect(value).toMatch(tag === 'a' ? /^#/ : /^data:,$/);
    }
  }
  expect(page).not.toMatch(/url\(|@import|https?:/);
  const policies = all('meta').filter(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy');
  expect(policies.map(({ attributes }) => attributes.content)).toEqual(["default-src 'none';style-src 'unsafe-inline';img-src data:"]); // prettier-ignore
});

describe('a name is never more than words:', () => {
  /** Every word of the account, so changed. */
  const spoilt = (value: unknown, word: string, key = ''): unknown => {
    if (Array.isArray(value)) return value.map(each => spoilt(each, word, key));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, spoilt(each, word, name)]));
    }
    const decides = ['role', 'split'].includes(key);
    return typeof value === 'string' && !decides ? `${word}${value}${word}` : value;
  };
  const shapeOf = (html: string): string[] =>
    below(parsePage(html))
      .filter(({ tag }) => !['wbr', 'text', 'line', 'rect'].includes(tag)) // long names take more lines
      .map(({ tag, attributes }) => `${tag} ${Object.keys(attributes).join(' ')}`);

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    '</style><script>',
    ']]><!--',
    '&lt;b&gt;',
    '</title>',
    '\u0000\u001b<b',
  ])('%j', word => {
    const html = toHtml(spoilt(ACCOUNT, word) as Account);
    expect(shapeOf(html)).toEqual(shapeOf(page));
    expect(html).not.toMatch(/<script|<img|<b>|[\u0000-\u0008\u001b]/);
  });
});

describe('can be used by everybody:', () => {
  test('a language, a title, a width that fits a phone', () => {
    expect(all('html')[0].attributes.lang).toBe('en');
    expect(all('head')[0].children.filter(child => typeof child !== 'string' && child.tag === 'title')).toHaveLength(1);
    expect(page).toContain('<meta name="viewport" content="width=device-width,initial-scale=1">');
  });

  test('headings one after the other, sections named by theirs, and a way to each', () => {
    expect(all('h1', 'h2', 'h3', 'h4').map(({ tag }) => tag)).toEqual(['h1', ...all('h2').map(() => 'h2')]);
    const ids = nodes.flatMap(({ attributes: { id } }) => (id === undefined ? [] : [id]));
    expect(new Set(ids).size).toBe(ids.length);
    for (const { attributes } of all('section')) expect(ids).toContain(attributes['aria-labelledby']);
    const ways = all('a').map(({ attributes }) => attributes.href);
    expect(ways).toEqual(all('section').map(({ attributes }) => `#${attributes.id}`));
    expect([all('main'), all('header'), all('footer'), all('nav')].map(({ length }) => length)).toEqual([1, 1, 1, 1]);
  });

  test('every drawing has a name and a description, and its numbers stand in a table or a list', () => {
    const drawings = all('svg');
    expect(drawings.length).toBeGreaterThanOrEqual(9);
    for (const { attributes, children } of drawings) {
      expect(attributes.role).toBe('img');
      const [title, description] = children as Node[];
      expect([title.tag, description.tag]).toEqual(['title', 'desc']);
      expect(textOf(title)).not.toBe('');
      expect(textOf(description)).not.toBe('');
    }
  });

  test('tables have a caption, heads for every row and column, and as many cells in each row', () => {
    for (const table of all('table')) {
      const [caption, head, ...rows] = below(table).filter(({ tag }) => ['caption', 'tr'].includes(tag));
      expect(caption.tag).toBe('caption');
      expect(textOf(caption)).not.toBe('');
      const cells = (row: Node): Node[] => below(row).filter(({ tag }) => ['th', 'td'].includes(tag));
      for (const cell of cells(head)) expect(cell.tag === 'td' ? textOf(cell) : cell.attributes.scope).toBe(cell.tag === 'td' ? '' : 'col'); // prettier-ignore
      for (const row of rows) {
        expect(cells(row)).toHaveLength(cells(head).length);
        expect(cells(row).map(({ tag, attributes }) => [tag, attributes.scope])[0]).toEqual(['th', 'row']);
      }
    }
  });

  test('what scrolls and what folds is reached by keyboard, and shows that it is', () => {
    for (const { attributes } of nodes.filter(({ attributes: { class: of } }) => of === 'scroll')) {
      expect([attributes.tabindex, attributes.role]).toEqual(['0', 'group']);
      expect(attributes['aria-label']).not.toBe('');
    }
    for (const { children } of all('details')) expect((children[0] as Node).tag).toBe('summary');
    expect(page).toMatch(/:focus-visible\{outline:3px/);
  });

  test.each([
    ['light', LIGHT],
    ['dark', DARK],
  ])('words stand out from what is behind them, lines enough to be followed: %s', (_, theme) => {
    for (const back of [theme.paper, theme.panel]) {
      for (const words of [theme.ink, theme.quiet, theme.accent])
        expect(contrast(words, back)).toBeGreaterThanOrEqual(4.5);
      for (const line of theme.series) expect(contrast(line, back)).toBeGreaterThanOrEqual(3);
    }
    expect(contrast(theme.accent, theme.faded)).toBeGreaterThanOrEqual(3);
    expect(new Set(theme.series).size).toBe(8);
  });

  test('both are in the page, by what the reader prefers', () => {
    const variables = ({ paper, ink }: Theme): string => `--paper:${paper};--panel:[^;]+;--ink:${ink}`;
    expect(page).toMatch(new RegExp(`:root\\{${variables(LIGHT)}`));
    expect(page).toMatch(new RegExp(`@media \\(prefers-color-scheme:dark\\)\\{:root\\{${variables(DARK)}`));
  });
});

/** WCAG 2, of two colours as #rrggbb. */
function contrast(a: string, b: string): number {
  const [dark, light] = [a, b].map(luminance).sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map(at => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
