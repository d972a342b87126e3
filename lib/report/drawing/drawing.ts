/** Drawings as SVG: in a page, or as a file of their own. */
import { markup, type Markup } from '../markup';
import { drawingStyle } from './theme';

export interface Drawing {
  /** Of a phone's screen or less, so that the words in it stay legible there. */
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** What there is to see, for those who do not. */
  readonly description: string;
  readonly body: Markup;
}

export interface NamedDrawing {
  /** Of a file, without its ending. */
  readonly name: string;
  readonly drawing: Drawing;
}

export const WIDTH = 380;
const HEADLINE = 26;

/** For a page that has the style; its title is that of the figure, and shows where the pointer is. */
export function inline({ width, height, title, description, body }: Drawing): Markup {
  return markup`<svg role="img" viewBox="0 0 ${width} ${height}"><title>${title}</title><desc>${description}</desc>${body}</svg>`;
}

/** The text of an .svg file. */
export function standalone({ width, height, title, description, body }: Drawing): string {
  const tall = height + HEADLINE;
  const { markup: text } =
    markup`<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${tall}" viewBox="0 ${-HEADLINE} ${width} ${tall}">
<title>${title}</title><desc>${description}</desc><style>${{ markup: drawingStyle() }}</style>
<rect class="paper" y="${-HEADLINE}" width="${width}" height="${tall}"/>${words(8, 12 - HEADLINE + 4, title)}
${body}
</svg>
`;
  return text;
}

export interface WordOptions {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly of?: string;
  /** Degrees, around where the words are. */
  readonly turned?: number;
}

export function words(
  x: number,
  y: number,
  text: string,
  { anchor = 'start', of = '', turned }: WordOptions = {},
): Markup {
  const at = markup`x="${place(x)}" y="${place(y)}"`;
  const turn = turned !== undefined && markup` transform="rotate(${turned} ${place(x)} ${place(y)})"`;
  return markup`<text ${at} text-anchor="${anchor}" class="${of}"${turn}>${text}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, of: string): Markup {
  return markup`<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" class="${of}"/>`;
}

/** `title` shows where the pointer is. */
export function box(x: number, y: number, width: number, height: number, of: string, title?: string): Markup {
  const size = markup`width="${place(width)}" height="${place(height)}"`;
  const told = title !== undefined && markup`<title>${title}</title>`;
  return markup`<rect x="${place(x)}" y="${place(y)}" ${size} class="${of}">${told}</rect>`;
}

/** A tenth of a pixel is as fine as one sees. */
export function place(value: number): string {
  return String(Number(value.toFixed(1)));
}
