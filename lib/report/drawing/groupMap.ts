/** All groups of a model in the order of the model, and which layers lead from one to the other. */
import type { PlanGroup } from '../../edit/plan';
import { markup, type Markup } from '../markup';
import { listed, shorten } from '../table';
import { place, WIDTH, words, type Drawing } from './drawing';
import { LIGHT } from './theme';

const [ROW, TOP, AXIS, LEFT] = [24, 14, 104, 6];

interface Way {
  readonly from: number;
  readonly to: number;
  readonly layers: string[];
}

/** A dot for each group, and an arc from the units that layers read to those that they make. */
export function groupMap(groups: readonly PlanGroup[]): Drawing {
  const ways = waysBetween(groups);
  const longest = Math.max(1, ...ways.map(({ from, to }) => Math.abs(to - from)));
  const rows = groups.map(({ name, units, removed, frozen }, i) => {
    const y = TOP + ROW * i;
    const colour = i % LIGHT.series.length;
    const dot = frozen === undefined ? `d${colour}` : `paper line s${colour}`;
    const stays = frozen === undefined ? `${units - removed.length} of ${units}` : `${units}, frozen`;
    return markup`<circle class="${dot}" cx="${AXIS}" cy="${y}" r="6"><title>${name}</title></circle>
${words(AXIS + 16, y + 4, shorten(name, 22))}${words(WIDTH - 8, y + 4, stays, { anchor: 'end', of: 'small quiet' })}`;
  });
  return {
    width: WIDTH,
    height: TOP + ROW * groups.length,
    title: 'Groups, and the layers between them',
    description: `${groups.length} groups in the order of the model; ${ways.length} ways lead from one to another.`,
    body: markup`${ways.map(way => arc(way, longest))}${rows}`,
  };
}

function waysBetween(groups: readonly PlanGroup[]): readonly Way[] {
  const touched = (role: string) => {
    const found = new Map<string, Set<number>>();
    groups.forEach(({ coupled = [] }, i) => {
      for (const site of coupled) {
        if (site.role === role) found.set(site.layer, (found.get(site.layer) ?? new Set()).add(i));
      }
    });
    return found;
  };
  const [reads, makes] = [touched('reads'), touched('makes')];
  const ways = new Map<string, Way>();
  for (const [layer, from] of reads) {
    for (const a of from) {
      for (const b of makes.get(layer) ?? []) {
        if (a === b) continue;
        const way = ways.get(`${a} ${b}`) ?? { from: a, to: b, layers: [] };
        way.layers.push(layer);
        ways.set(`${a} ${b}`, way);
      }
    }
  }
  return [...ways.values()];
}

/** The further apart, the further out. */
function arc({ from, to, layers }: Way, longest: number): Markup {
  const [y1, y2] = [from, to].map(row => TOP + ROW * row);
  const far = (AXIS - LEFT - 12) * Math.sqrt(Math.abs(to - from) / longest) * (4 / 3);
  const x = AXIS - 6;
  const d = `M${x} ${place(y1)}C${place(x - far)} ${place(y1)} ${place(x - far)} ${place(y2)} ${x} ${place(y2)}`;
  return markup`<path class="line rest s${from % LIGHT.series.length}" d="${d}"><title>${listed(layers, 80)}</title></path>`;
}
