/** One group as a graph: what makes its units, what reads them, and what else ties them together. */
import type { CoupledSite, PlanGroup } from '../../edit/plan';
import { markup, type Markup } from '../markup';
import { shorten, wrap } from '../table';
import { box, line, place, WIDTH, words, type Drawing } from './drawing';
import { LIGHT } from './theme';

const [MARGIN, COLUMN, GAP, TOP] = [4, 132, 8, 24];
const CENTRE = WIDTH / 2;
const RADIUS = 28;
/** Letters in a line of a box, and of a reason. */
const [NAME, REASON] = [16, 50];
/** Of makers, of readers, and of reasons that are drawn; the others are counted, and stand beside the drawing. */
const MOST = 10;
const LINE = 16;

interface Node {
  readonly name: string;
  readonly detail: string;
  /** The name as it is broken in its box, which is so high. */
  readonly lines: readonly string[];
  readonly high: number;
}

/** `index` chooses the colour of the group. */
export function groupGraph(group: PlanGroup, index: number): Drawing {
  const { name, kind, coupled = [], reasons = [] } = group;
  const [makers, readers] = ['makes', 'reads'].map(role => nodesOf(coupled, role));
  const tall = Math.max(heightOf(makers), heightOf(readers), 2 * RADIUS + GAP);
  const middle = TOP + tall / 2;
  const below = TOP + tall + GAP;
  const ties = tiesOf(reasons, below);
  return {
    width: WIDTH,
    height: ties.end,
    title: `What holds the ${kind} of ${name} together`,
    description: [counted(makers, 'makes', 'make'), counted(readers, 'reads', 'read')].join('; '),
    body: markup`${words(MARGIN, 14, 'made by', { of: 'quiet' })}${words(WIDTH - MARGIN, 14, 'read by', { of: 'quiet', anchor: 'end' })}
${reasons.length > 0 && line(CENTRE, middle, CENTRE, below, 'edge')}
${column(makers, MARGIN, middle)}${column(readers, WIDTH - MARGIN - COLUMN, middle)}
${hub(group, index, middle)}
${ties.drawn}`,
  };
}

function hub({ units, removed }: PlanGroup, index: number, y: number): Markup {
  const ring = ['panel', `line s${index % LIGHT.series.length}`].map(
    of => markup`<circle class="${of}" cx="${CENTRE}" cy="${place(y)}" r="${RADIUS}"/>`,
  );
  const left = words(CENTRE, y - 1, String(units - removed.length), { anchor: 'middle' });
  return markup`${ring}${left}${words(CENTRE, y + 15, `of ${units}`, { anchor: 'middle', of: 'small quiet' })}`;
}

function nodesOf(coupled: readonly CoupledSite[], role: string): readonly Node[] {
  const found = new Map<string, Set<string>>();
  for (const site of coupled) {
    if (site.role !== role) continue;
    found.set(site.layer, (found.get(site.layer) ?? new Set()).add(site.parameter));
  }
  const nodes = [...found].map(([name, parameters]) => node(name, [...parameters].join(', ')));
  if (nodes.length <= MOST) return nodes;
  return [...nodes.slice(0, MOST - 1), node(`and ${nodes.length - MOST + 1} more`, 'see the list')];
}

function node(name: string, detail: string): Node {
  const lines = inLines(name);
  return { name, detail, lines, high: lines.length * LINE + 24 };
}

function heightOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, { high }) => sum + high + GAP, 0);
}

/** Boxes one below the other, around `middle`, each with an arrow between it and the hub. */
function column(nodes: readonly Node[], x: number, middle: number): readonly Markup[] {
  let y = middle - (heightOf(nodes) - GAP) / 2;
  return nodes.map(({ name, detail, lines, high }) => {
    const [top, level] = [y, y + high / 2];
    y += high + GAP;
    const way =
      x < CENTRE ? arrow(x + COLUMN, level, CENTRE - RADIUS, middle) : arrow(CENTRE + RADIUS, middle, x, level);
    const told = lines.map((text, i) => words(x + 7, top + 17 + LINE * i, text, { of: 'small' }));
    return markup`${box(x, top, COLUMN, high, 'panel', name)}${told}${words(x + 7, top + high - 8, shorten(detail, NAME), { of: 'small quiet' })}
${way}`;
  });
}

/** Broken behind what parts of a name are joined by. */
function inLines(name: string): readonly string[] {
  if (name.length <= NAME) return [name];
  const joint = Math.max(...['_', '/', '.', '-'].map(sign => name.lastIndexOf(sign, NAME - 1))) + 1;
  const end = joint > NAME / 3 ? joint : NAME;
  return [name.slice(0, end), shorten(name.slice(end), NAME)];
}

function arrow(x1: number, y1: number, x2: number, y2: number): Markup {
  const bend = (x1 + x2) / 2;
  const curve = `M${place(x1)} ${place(y1)}C${place(bend)} ${place(y1)} ${place(bend)} ${place(y2)} ${place(x2 - 4)} ${place(y2)}`;
  const head = `${place(x2)},${place(y2)} ${place(x2 - 7)},${place(y2 - 4)} ${place(x2 - 7)},${place(y2 + 4)}`;
  return markup`<path class="edge" d="${curve}"/><polygon class="head" points="${head}"/>`;
}

/** A box for every reason, one below the other. */
function tiesOf(reasons: readonly string[], top: number): { readonly drawn: readonly Markup[]; readonly end: number } {
  const rest = reasons.length - MOST;
  const shown = rest > 0 ? [...reasons.slice(0, MOST), `and ${rest} more reasons, see the list`] : reasons;
  let y = top;
  const drawn = shown.map((reason, i) => {
    const lines = wrap(reason, REASON);
    const high = lines.length * LINE + 10;
    const at = y;
    y += high + GAP;
    const joint = i > 0 && line(CENTRE, at - GAP, CENTRE, at, 'edge');
    return markup`${joint}${box(MARGIN, at, WIDTH - 2 * MARGIN, high, 'panel')}${lines.map((text, row) => words(MARGIN + 8, at + 18 + row * LINE, text))}`;
  });
  return { drawn, end: y };
}

function counted(nodes: readonly Node[], one: string, several: string): string {
  const names = nodes.map(({ name }) => name).join(', ');
  return nodes.length === 0 ? `nothing ${one} them` : `${names} ${nodes.length === 1 ? one : several} them`;
}
