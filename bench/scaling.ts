/**
 * What a net of twice the channels costs: finding the groups grows with the channels, scoring and cutting with the weights,
 * and neither faster. Nets 1, 2, 4 and 8 times as wide; prints the fitted exponents, and writes out/bench/scaling.json and
 * scaling.svg. `npx tsx bench/scaling.ts`
 */
import { writeFileSync } from 'node:fs';
import { capture, useBackend } from '../lib';
import { parameterCount, type Checkpoint } from '../lib/core/checkpoint';
import { groups } from '../lib/graph/group';
import { printTable, summary, writeResults } from './harness';
import { ZOO } from './zoo';
import { pruneOnce, type Phases } from './zoo/step';
import { seeded } from './zoo/weights';

const ROUNDS = Number(process.env.ROUNDS ?? 9);
const TIMES = [1, 2, 4, 8];
/** Net and the width that counts as one. */
const nets = [
  ['resnet56', 1],
  ['densenet40', 1],
  ['mobilenetV2', 0.25],
] as const;

interface Point {
  readonly times: number;
  readonly channels: number;
  readonly parameters: number;
  /** Trace and groups, milliseconds. */
  readonly graph: number;
  /** Score, slice and materialize, milliseconds. */
  readonly weights: number;
}

interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
  /** Of the graph over channels, and of the weights over parameters: 1 is linear. */
  readonly exponents: { readonly graph: number; readonly weights: number };
}

async function main(): Promise<void> {
  await useBackend('wasm');
  const curves: Curve[] = [];
  for (const [name, one] of nets) {
    const points: Point[] = [];
    for (const times of TIMES) points.push(await measure(name, times, one));
    const exponents = {
      graph: slope(points.map(({ channels, graph }) => [channels, graph])),
      weights: slope(points.map(({ parameters, weights }) => [parameters, weights])),
    };
    curves.push({ name, points, exponents });
  }
  for (const { name, points, exponents } of curves) {
    const { graph, weights } = exponents;
    console.log(`${name}: graph ~ channels^${graph.toFixed(2)}, weights ~ parameters^${weights.toFixed(2)}`);
    printTable(
      ['times', 'channels', 'parameters', 'graph ms', 'weights ms'],
      points.map(point => [`${point.times}`, `${point.channels}`, `${point.parameters}`, point.graph, point.weights]),
    );
  }
  writeResults('scaling', { rounds: ROUNDS, curves });
  writeFileSync('out/bench/scaling.svg', plot(curves));
}

async function measure(name: string, times: number, one: number): Promise<Point> {
  const model = await checkpointOf(name, times * one);
  const runs: Phases[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const { model: small, phases } = await pruneOnce(model, 0.5);
    small.dispose();
    runs.push(phases);
  }
  const median = (of: (phases: Phases) => number): number => summary('', runs.slice(1).map(of)).median;
  return {
    times,
    channels: groups(model).reduce((sum, { units }) => sum + units.length, 0),
    parameters: parameterCount(model),
    graph: median(({ trace, groups }) => trace + groups),
    weights: median(({ score, slice, materialize }) => score + slice + materialize),
  };
}

async function checkpointOf(name: string, width: number): Promise<Checkpoint> {
  const net = seeded(ZOO[name].build({ width, side: 32 }));
  const model = await capture(net);
  net.dispose();
  return model;
}

/** Least-squares slope of log y over log x. */
function slope(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)]);
  const [mx, my] = [0, 1].map(i => logs.reduce((sum, point) => sum + point[i], 0) / logs.length);
  const [sxy, sxx] = [1, 0].map(i => logs.reduce((sum, point) => sum + (point[0] - mx) * (point[i] - [mx, my][i]), 0));
  return sxy / sxx;
}

const COLORS = ['#1b6ca8', '#c1440e', '#4a7c2a'];
const [WIDTH, HEIGHT, MARGIN] = [360, 320, 48];

/** Two log-log plots, each with a dashed line of slope one. */
function plot(curves: readonly Curve[]): string {
  const panels = [
    panel(curves, 0, 'channels', ({ channels, graph }) => [channels, graph], 'trace and groups, ms', 'graph'),
    panel(curves, 1, 'parameters', ({ parameters, weights }) => [parameters, weights], 'score, slice, model, ms', 'weights'), // prettier-ignore
  ];
  const style =
    '<style>text{font:12px sans-serif;fill:#333}line{stroke:#bbb}polyline{fill:none;stroke-width:2}</style>';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${HEIGHT}">${style}\n${panels.join('\n')}\n</svg>\n`; // prettier-ignore
}

function panel(
  curves: readonly Curve[],
  column: number,
  xName: string,
  at: (point: Point) => readonly [number, number],
  yName: string,
  exponent: keyof Curve['exponents'],
): string {
  const all = curves.flatMap(({ points }) => points.map(at));
  const range = (i: 0 | 1): [number, number] => {
    const logs = all.map(point => Math.log10(point[i]));
    return [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
  };
  const [xs, ys] = [range(0), range(1)];
  const x = (value: number): number => MARGIN + ((Math.log10(value) - xs[0]) / (xs[1] - xs[0])) * (WIDTH - 2 * MARGIN);
  const y = (value: number): number =>
    HEIGHT - MARGIN - ((Math.log10(value) - ys[0]) / (ys[1] - ys[0])) * (HEIGHT - 2 * MARGIN);
  const ticks = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const grid = [
    ...ticks(...xs).map(v => `<line x1="${x(v)}" x2="${x(v)}" y1="${MARGIN}" y2="${HEIGHT - MARGIN}"/><text x="${x(v)}" y="${HEIGHT - MARGIN + 16}" text-anchor="middle">${v}</text>`), // prettier-ignore
    ...ticks(...ys).map(v => `<line x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${y(v)}" y2="${y(v)}"/><text x="${MARGIN - 6}" y="${y(v) + 4}" text-anchor="end">${v}</text>`), // prettier-ignore
  ];
  const [first] = curves[0].points.map(at);
  const most = Math.min(10 ** xs[1], (first[0] * 10 ** ys[1]) / first[1]);
  const linear = `<line x1="${x(first[0])}" y1="${y(first[1])}" x2="${x(most)}" y2="${y((first[1] * most) / first[0])}" stroke-dasharray="4"/>`; // prettier-ignore
  const lines = curves.map(({ name, points, exponents }, i) => {
    const path = points.map(point => at(point)).map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`);
    const dots = path.map(place => place.split(',')).map(([a, b]) => `<circle cx="${a}" cy="${b}" r="3" fill="${COLORS[i]}"/>`); // prettier-ignore
    const label = `<text x="${MARGIN + 8}" y="${MARGIN + 16 * (i + 1)}" style="fill:${COLORS[i]}">${name}: exponent ${exponents[exponent].toFixed(2)}</text>`; // prettier-ignore
    return `<polyline points="${path.join(' ')}" stroke="${COLORS[i]}"/>${dots.join('')}${label}`;
  });
  const names = `<text x="${WIDTH / 2}" y="${HEIGHT - 10}" text-anchor="middle">${xName}</text><text x="${MARGIN}" y="${MARGIN - 12}">${yName}</text>`; // prettier-ignore
  return `<g transform="translate(${column * WIDTH} 0)">${[...grid, linear, ...lines, names].join('\n')}</g>`;
}

void main();
