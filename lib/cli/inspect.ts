/** `tfjs-prune inspect`: what a model consists of, and what of it could be pruned. */
import { leaves, parameterCount, weightsOf, type Checkpoint } from '../core/checkpoint';
import { groupsOf, type Group } from '../graph/group';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { costOf } from '../report/cost';
import { bytes, count } from '../report/numbers';
import type { Cost } from '../report/report';
import { listed, shorten, textTable } from '../report/table';
import { capture } from '../runtime/capture';
import type { Command } from './command';
import { withModelFile } from './model';

export interface Inspection {
  readonly name: string;
  readonly cost: Cost;
  readonly layers: readonly InspectedLayer[];
  readonly groups: readonly InspectedGroup[];
}

export interface InspectedLayer {
  readonly layer: string;
  readonly className: string;
  /** Of the first call, without the batch. */
  readonly output: readonly (number | null)[];
  readonly parameters: number;
}

export interface InspectedGroup {
  readonly name: string;
  readonly kind: string;
  readonly units: number;
  /** Why none of the units can go; absent when they can. */
  readonly frozen?: string;
  readonly sites: readonly {
    readonly layer: string;
    readonly parameter: string;
    readonly axis: number;
    readonly role: string;
  }[];
}

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'layers, groups of units that go together, and cost of a model',
  operands: ['MODEL'],
  options: {},
  help: {
    about: 'Shows which units can be pruned, what goes with them, and what is frozen and why. Changes nothing.',
    example: 'tfjs-prune inspect models/digits',
  },
  run(given) {
    return withModelFile(given.paths[0], given, async model => {
      const inspection = inspect(await capture(model));
      return given.has('json') ? JSON.stringify(inspection, null, 2) : formatInspection(inspection);
    });
  },
};

const SCREEN = 100;
const LONGEST_NAME = 36;

/** @throws PruneError `no-rule`, `bad-model`. */
export function inspect(model: Checkpoint): Inspection {
  const traced = trace(model);
  return {
    name: model.topology.config.name,
    cost: costOf(model),
    layers: inspectLayers(model, traced),
    groups: groupsOf(traced).map(inspectGroup),
  };
}

/** As text within 100 columns. */
export function formatInspection({ name, cost, layers, groups }: Inspection): string {
  const prunable = groups.filter(({ frozen }) => frozen === undefined);
  const units = prunable.reduce((sum, group) => sum + group.units, 0);
  const total = `${count(cost.parameters)} parameters, ${count(cost.macs)} MACs, ${bytes(cost.bytes)}`;
  return [
    `${name}: ${layers.length} layers, ${total}`,
    textTable(layerRows(layers), { words: [1, 2] }),
    textTable(groupRows(groups), { words: [1, 3] }),
    `${count(units)} units in ${prunable.length} of ${groups.length} groups can be pruned`,
  ].join('\n\n');
}

function layerRows(layers: readonly InspectedLayer[]): string[][] {
  const rows = layers.map(({ layer, className, output, parameters }) => {
    const size = output.map(length => length ?? '?').join(' x ');
    return [layer, className, size, parameters === 0 ? '' : count(parameters)];
  });
  return [['layer', 'class', 'output', 'parameters'], ...rows];
}

function groupRows(groups: readonly InspectedGroup[]): string[][] {
  const rows = [['group', 'kind', 'units']];
  for (const { name, kind, units } of groups) rows.push([shorten(name, LONGEST_NAME), kind, count(units)]);
  const widths = [0, 1, 2].map(column => Math.max(...rows.map(row => row[column].length)) + 3);
  const room = SCREEN - widths.reduce((sum, width) => sum + width);
  return rows.map((row, i) => [...row, i === 0 ? 'made by -> read by' : couplingOf(groups[i - 1], room)]);
}

function inspectLayers(model: Checkpoint, { calls }: Trace): readonly InspectedLayer[] {
  const outputs = new Map<string, readonly (number | null)[]>();
  for (const call of calls)
    if (!outputs.has(call.layer)) outputs.set(call.layer, call.outputs[0]?.shape.slice(1) ?? []);
  return leaves(model.topology).map(({ path, spec }) => ({
    layer: path,
    className: spec.className,
    output: outputs.get(path) ?? [],
    parameters: parameterCount({ ...model, weights: new Map([[path, weightsOf(model, path)]]) }),
  }));
}

function inspectGroup({ name, kind, units, frozen, sites }: Group): InspectedGroup {
  return {
    name,
    kind,
    units: units.length,
    ...(frozen !== undefined && { frozen }),
    sites: sites.map(({ layer, parameter, axis, role }) => ({ layer, parameter, axis, role })),
  };
}

function couplingOf({ frozen, sites }: InspectedGroup, room: number): string {
  if (frozen !== undefined) return shorten(`frozen: ${frozen}`, room);
  const [makers, readers] = ['makes', 'reads'].map(role => {
    const names = new Set(sites.filter(site => site.role === role).map(({ layer }) => layer));
    return listed([...names], Math.floor((room - 4) / 2));
  });
  return `${makers} -> ${readers}`;
}
