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

function escape(cell: string): string {
  return cell.replace(/\|/g, '\\|').replace(/\n/g, ' ');
}
