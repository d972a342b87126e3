/** Colours, where the command writes on a terminal: they say nothing that the words do not. */
import { createColors } from 'picocolors';

/** What decides: a stream of the process. */
interface Stream {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
}

export interface Painter {
  /** Heads of tables and titles stand out, what is frozen recedes. */
  text(plain: string): string;
  /** The name of the command in front of a refusal. */
  refusal(plain: string): string;
  /** The bar of work that goes on. */
  progress(plain: string): string;
}

/** Colours are off where `stream` is piped, `NO_COLOR` is set or the terminal has none; `FORCE_COLOR` turns them on. */
export function painter(stream: Stream, { FORCE_COLOR: forced } = process.env): Painter {
  const isOn = forced === undefined ? stream.isTTY === true && stream.hasColors?.() === true : forced !== '0';
  const { bold, cyan, dim, red } = createColors(isOn);
  const paintSection = (section: string): string => {
    if (/^[{[]/.test(section)) return section; // data
    const [first, ...others] = section.split('\n');
    const head = isTable(first, others) ? bold(first) : first.replace(/^[^\s:]+:(?= |$)/, bold);
    return [head, ...others.map(line => line.replace(/frozen: .*/, dim))].join('\n');
  };
  return {
    text: plain => plain.split('\n\n').map(paintSection).join('\n\n'),
    refusal: plain => plain.replace(/^tfjs-prune:/, red),
    progress: plain => plain.replace(/█+/, cyan).replace(/░+/, dim),
  };
}

/** Columns with a head, as `textTable` writes them. */
function isTable(first: string, others: readonly string[]): boolean {
  return others.length > 0 && / {3}\S/.test(first) && others.every(line => / {3}\S/.test(line));
}
