/** The colours of pages and drawings, by day and by night. */

export interface Theme {
  /** Behind everything. */
  readonly paper: string;
  /** Behind what is set apart. */
  readonly panel: string;
  readonly ink: string;
  /** Of what is said beside. */
  readonly quiet: string;
  /** Of lines between things; nothing hangs on seeing them. */
  readonly rule: string;
  /** Of what stays, of links and of the focus. */
  readonly accent: string;
  /** Of what is gone. */
  readonly faded: string;
  /** Of lines in a plot, the first first. */
  readonly series: readonly string[];
}

export const LIGHT: Theme = {
  paper: '#ffffff',
  panel: '#f4f6f9',
  ink: '#1b222d',
  quiet: '#545e6d',
  rule: '#d5dae1',
  accent: '#1b62a5',
  faded: '#c3d6ea',
  series: ['#1b6ca8', '#c1440e', '#4a7c2a', '#8e44ad', '#a86a12', '#1f877a', '#d6336c', '#495057'],
};

export const DARK: Theme = {
  paper: '#14181e',
  panel: '#1e242c',
  ink: '#e7ebf0',
  quiet: '#a9b3c0',
  rule: '#3a434f',
  accent: '#74b4f2',
  faded: '#34516f',
  series: ['#6cb6f5', '#ff9466', '#8fcf6a', '#cf9bf0', '#e5b454', '#56cfc0', '#ff85ab', '#b4bcc7'],
};

/** What is drawn in one colour and the same strokes in both. */
const SHAPES = [
  'svg text{font:13px system-ui,Arial,"DejaVu Sans",sans-serif}',
  'svg .small{font-size:12px}',
  'svg .line{fill:none;stroke-width:2}',
  'svg .rest{fill:none;stroke-width:1}',
  'svg .dashed{stroke-dasharray:6 3}',
].join('');

/** Rules for drawings that follow what the reader prefers; where nothing is known of that, for daylight. */
export function drawingStyle(): string {
  return `${SHAPES}${coloursOf(LIGHT)}@media (prefers-color-scheme:dark){${coloursOf(DARK)}}`;
}

function coloursOf({ paper, panel, ink, quiet, rule, accent, faded, series }: Theme): string {
  const rules = {
    'svg text': `fill:${ink}`,
    'svg .quiet': `fill:${quiet}`,
    'svg .paper': `fill:${paper}`,
    'svg .panel': `fill:${panel};stroke:${rule}`,
    'svg .rule,svg .rest': `stroke:${rule}`,
    'svg .level': `stroke:${quiet};stroke-dasharray:4 4`,
    'svg .edge': `fill:none;stroke:${quiet};stroke-width:1.5`,
    'svg .head': `fill:${quiet}`,
    'svg .stays': `fill:${accent}`,
    'svg .goes': `fill:${faded}`,
    ...Object.fromEntries(series.map((colour, i) => [`svg .s${i}`, `stroke:${colour}`])),
    ...Object.fromEntries(series.map((colour, i) => [`svg .d${i}`, `fill:${colour}`])),
  };
  return Object.entries(rules)
    .map(([selector, declarations]) => `${selector}{${declarations}}`)
    .join('');
}
