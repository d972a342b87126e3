/** Streams: widths that norms bring to one length, so that no unit of them stands for anything by itself. */
import { sameWidth, type Flow, type Width } from '../rules/rule';
import type { Call, Site, Trace } from './ledger';

export interface Stream {
  /** Path of the first norm that reads it. */
  readonly name: string;
  readonly units: Width;
  /** The calls of norms that read it, in the order of running. */
  readonly norms: readonly Call[];
}

/** In the order of running. */
export function streamsOf({ calls }: Trace): readonly Stream[] {
  const found = new Map<number, Call[]>();
  for (const call of calls) {
    if (call.rule.normParts === undefined) continue;
    const [first] = call.inputs[0].width;
    found.set(first, [...(found.get(first) ?? []), call]);
  }
  return [...found.values()].map(norms => ({ name: norms[0].layer, units: norms[0].inputs[0].width, norms }));
}

/** Whether `width` holds all `units` in their order, some of them, or none. */
export function relation(units: Width, width: Width): 'all' | 'some' | 'none' {
  if (sameWidth(units, width)) return 'all';
  const own = new Set(units);
  return width.some(unit => own.has(unit)) ? 'some' : 'none';
}

/** Weight axes that hold the units of `stream`. */
export function sitesOf({ sites }: Trace, { units }: Stream): readonly Site[] {
  return sites.filter(({ width }) => relation(units, width) !== 'none');
}

/**
 * Why multiplying the stream by an orthogonal matrix at all its sites would not pass through everything between them, whatever its
 * norms are; undefined where it does. For people.
 */
export function obstacle(traced: Trace, stream: Stream): string | undefined {
  const { units } = stream;
  const own = new Map<string, Site[]>();
  for (const site of sitesOf(traced, stream)) {
    if (relation(units, site.width) === 'some') return `"${site.layer}" holds them together with others`;
    own.set(site.layer, [...(own.get(site.layer) ?? []), site]);
  }
  for (const call of traced.calls) {
    if (call.rule.normParts) continue;
    const problem = obstacleAt(call, units, own.get(call.layer) ?? []);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function obstacleAt({ layer, rule, config, inputs, outputs }: Call, units: Width, sites: readonly Site[]) {
  const related = (flow: Flow) => relation(units, flow.width);
  const [given, made] = [inputs.map(related), outputs.map(related)];
  if ([...given, ...made].includes('some')) return `"${layer}" mixes them with others`;
  const does = (role: Site['role']): boolean => sites.some(site => site.role === role);
  if (made.includes('all')) {
    const alike = rule.turns?.(config) && !does('scales');
    if (!alike) return `"${layer}" (${rule.className}) does not treat all of them alike`;
    return does('makes') || given.every(is => is === 'all') ? undefined : `"${layer}" adds the same to all of them`;
  }
  return given.includes('all') && !does('reads') ? `"${layer}" has no weight for each of them` : undefined;
}
