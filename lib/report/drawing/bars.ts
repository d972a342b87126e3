/** Bars: widths of layers before and after, and how values are spread. */
import type { GammaHistory } from '../../core/gammas';
import { markup } from '../markup';
import { change } from '../numbers';
import type { LayerWidth } from '../report';
import { shorten } from '../table';
import { plainNumber } from './axis';
import { box, line, WIDTH, words, type Drawing, type NamedDrawing } from './drawing';

const [LEFT, RIGHT] = [8, WIDTH - 8];
const ROW = 34;
const THICK = 10;

/** A bar for each layer, as long as it was wide; what stays of it is dark. */
export function widthBars(layers: readonly LayerWidth[]): Drawing {
  const most = Math.max(1, ...layers.map(({ before, after }) => Math.max(before, after)));
  const long = (width: number): number => (width / most) * (RIGHT - LEFT);
  const rows = layers.map(({ layer, before, after }, i) => {
    const y = ROW * i;
    const told = `${layer}: ${after} of ${before}`;
    return markup`${words(LEFT, y + 15, shorten(layer, 30))}${words(RIGHT, y + 15, `${after} of ${before}`, { anchor: 'end', of: 'small' })}
${box(LEFT, y + 20, long(before), THICK, 'goes', told)}${after > 0 && box(LEFT, y + 20, Math.max(1, long(after)), THICK, 'stays', told)}`;
  });
  const changed = layers.filter(({ before, after }) => before !== after).length;
  const [before, after] = (['before', 'after'] as const).map(of => layers.reduce((sum, layer) => sum + layer[of], 0));
  return {
    width: WIDTH,
    height: ROW * layers.length + 4,
    title: 'Width of each layer, before and after',
    description: `${changed} of ${layers.length} layers are narrower; ${after} of ${before} units are left (${change(before, after)}).`,
    body: markup`${rows}`,
  };
}

export interface UnitScores {
  /** Of the group. */
  readonly name: string;
  readonly scores: Float64Array;
  /** Indices of those that go. */
  readonly removed?: ReadonlySet<number>;
}

/** A row of bars for each group, a bar for each unit, all on one scale that begins at 0 or below. */
export function unitBars(groups: readonly UnitScores[]): Drawing {
  const all = groups.flatMap(({ scores }) => [...scores]).filter(Number.isFinite);
  const [least, most] = [Math.min(0, ...all), Math.max(0, ...all)];
  const long = (score: number): number => (Math.max(0, score - least) / (most - least || 1)) * HIGH;
  const rows = groups.map(({ name, scores, removed }, row) => {
    const floor = (HIGH + 28) * (row + 1) - 4;
    const step = Math.min(ROW, (RIGHT - LEFT) / scores.length);
    const bars = Array.from(scores, (score, unit) => {
      const high = Math.max(1, long(Math.min(score, most)));
      const goes = removed?.has(unit);
      const told = `${name}, unit ${unit}: ${plainNumber(Number(score.toPrecision(3)))}${goes ? ', goes' : ''}`;
      return box(LEFT + unit * step, floor - high, step * 0.9, high, goes ? 'goes' : 'stays', told);
    });
    return markup`${words(LEFT, floor - HIGH - 6, shorten(name, 40), { of: 'small' })}${line(LEFT, floor, RIGHT, floor, 'rule')}${bars}`;
  });
  const units = groups.reduce((sum, { scores }) => sum + scores.length, 0);
  const gone = groups.reduce((sum, { removed }) => sum + (removed?.size ?? 0), 0);
  return {
    width: WIDTH,
    height: (HIGH + 28) * groups.length + 4,
    title: `Importance of each unit, from ${plainNumber(Number(least.toPrecision(2)))} to ${plainNumber(Number(most.toPrecision(2)))}`,
    description: `${units} units in ${groups.length} groups${gone > 0 ? `; the ${gone} pale ones go` : ''}.`,
    body: markup`${rows}`,
  };
}

const HIGH = 34;
const MOST_ROWS = 8;
const NAMES = 74;

/** A row of bars for some of the epochs, first and last included: how many channels have a gamma of each size. `which` tells one of several trainings. */
function gammaBars({ counts, most, l1 }: GammaHistory, which = ''): Drawing {
  const epochs = spread(counts.length, MOST_ROWS);
  const step = (RIGHT - NAMES) / counts[0].length;
  const at = (bin: number): number => NAMES + bin * step;
  const rows = epochs.map((epoch, row) => {
    const floor = (HIGH + 12) * (row + 1);
    const tallest = Math.max(1, ...counts[epoch]);
    const bars = counts[epoch].map((count, bin) => {
      const high = (count / tallest) * HIGH;
      const told = `${rangeOf(bin, counts[epoch].length, most)}: ${count} channels`;
      return count > 0 && box(at(bin), floor - high, step - 1, high, 'stays', told);
    });
    const name = epoch === 0 ? 'before' : `epoch ${epoch}`;
    return markup`${line(NAMES, floor, RIGHT, floor, 'rule')}${words(LEFT, floor, name, { of: 'small' })}${bars}`;
  });
  const floor = (HIGH + 12) * epochs.length;
  const [first, last] = [counts[0], counts[counts.length - 1]].map(bins => bins[0]);
  return {
    width: WIDTH,
    height: floor + 44,
    title: `|gamma| of channels, L1 of ${plainNumber(l1)}${which}`,
    description: `Before training ${first} channels are in the lowest of ${counts[0].length} bins, after it ${last}.`,
    body: markup`${rows}
${[0, 0.25, 0.5, 0.75, 1].map(part => words(NAMES + part * (RIGHT - NAMES), floor + 16, plainNumber(Number((part * most).toPrecision(2))), { anchor: part === 1 ? 'end' : 'middle', of: 'small' }))}
${words((NAMES + RIGHT) / 2, floor + 36, '|gamma|', { anchor: 'middle', of: 'quiet' })}`,
  };
}

/** One for each training under the penalty. */
export function plotsOfGammas(gammas: readonly GammaHistory[]): readonly NamedDrawing[] {
  const { length } = gammas;
  return gammas.map((history, i) => ({
    name: length > 1 ? `gammas-${i + 1}` : 'gammas',
    drawing: gammaBars(history, length > 1 ? `, ${i + 1} of ${length}` : ''),
  }));
}

/** Where a bin begins and ends. */
export function rangeOf(bin: number, bins: number, most: number): string {
  const edge = (index: number): string => plainNumber(Number(((index / bins) * most).toPrecision(3)));
  return bin === bins - 1 ? `${edge(bin)} and more` : `${edge(bin)} to ${edge(bin + 1)}`;
}

/** At most `most` of the indices below `length`, evenly, both ends included. */
export function spread(length: number, most: number): readonly number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : Math.round((i * (length - 1)) / (count - 1))));
}
