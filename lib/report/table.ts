/** Tables of text: words to the left, numbers to the right. */

export interface TableOptions {
  /** Columns of words, counted from 0; the first always is one. */
  readonly words?: readonly number[];
  /** Columns of the screen; longer names in the first column are shortened in the middle. */
  readonly width?: number;
}

const GAP = '   ';

/** Aligned columns; the first row is the head. */
export function textTable(
  rows: readonly (readonly string[])[],
  { words = [], width = 100 }: TableOptions = {},
): string {
  const columns = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)));
  const others = columns.slice(1).reduce((sum, size) => sum + size + GAP.length, 0);
  const [first] = columns;
  columns[0] = Math.min(first, Math.max(8, width - others));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        if (column === 0) return shorten(cell, columns[0]).padEnd(columns[0]);
        return words.includes(column) ? cell.padEnd(columns[column]) : cell.padStart(columns[column]);
      })
      .join(GAP)
      .trimEnd();
  return rows.map(line).join('\n');
}

/** The same table in Markdown. */
export function markdownTable(rows: readonly (readonly string[])[], { words = [] }: TableOptions = {}): string {
  const [head, ...body] = rows;
  const rule = head.map((_, column) => (column === 0 || words.includes(column) ? '---' : '---:'));
  const line = (row: readonly string[]): string => `| ${row.map(escape).join(' | ')} |`;
  return [line(head), line(rule), ...body.map(line)].join('\n');
}

/** Both ends of a layer's name tell more than its middle. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = Math.floor((length - 1) / 2);
  return `${text.slice(0, length - 1 - end)}…${text.slice(text.length - end)}`;
}

/** As many names as fit, and the number of the others. */
export function listed(names: readonly string[], room: number): string {
  const line = (shown: number): string => {
    const rest = names.length - shown;
    return names.slice(0, shown).join(', ') + (rest > 0 ? ` +${rest}` : '');
  };
  let shown = names.length;
  while (shown > 1 && line(shown).length > room) shown--;
  return shorten(line(shown), room);
}

/** 0, 2-5, 9: indices one after the other as one. */
export function runs(indices: readonly number[]): readonly string[] {
  const found: [number, number][] = [];
  for (const index of indices) {
    const last = found[found.length - 1];
    if (last?.[1] === index - 1) last[1] = index;
    else found.push([index, index]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`));
}

/** `text` in lines of at most `room` letters, the first of at most `first`; longer words are shortened. */
export function wrap(text: string, room: number, first = room): readonly string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    const fitting = shorten(word, room);
    if (last === '') lines[lines.length - 1] = fitting;
    else if (last.length + 1 + fitting.length <= (lines.length === 1 ? first : room))
      lines[lines.length - 1] += ` ${fitting}`;
    else lines.push(fitting);
  }
  return lines;
}

function escape(cell: string): string {
  return cell.replace(/\|/g, '\\|').replace(/\n/g, ' ');
}
