/**
 * Groups in one line each: `name kind units: makers | scalers | readers`, a reason to stay in brackets after the units:
 *
 *     x features 3 (model input): | | a
 *     a channels 4: a | bn | b
 *
 * A layer stands for all the weight axes that it has in that role, by its class; `lstm~` for the recurrent kernel that reads
 * the layer's own state.
 */
import { leaves, type Checkpoint, type Config, type LayerSpec } from '../../lib/core/checkpoint';
import { membersAt, type Group } from '../../lib/graph/group';
import type { Role } from '../../lib/rules/rule';

/** Weight axes as tf.js lays them out: `weight.axis parameter`. */
type Layout = Partial<Record<Role | 'state', readonly string[]>>;

const convolution = (rank: number): Layout => ({
  reads: [`0.${rank} kernel`],
  makes: [`0.${rank + 1} kernel`, '1.0 bias'],
});
const transposed = (rank: number): Layout => ({
  reads: [`0.${rank + 1} kernel`],
  makes: [`0.${rank} kernel`, '1.0 bias'],
});
const RECURRENT: Layout = {
  reads: ['0.0 kernel'],
  state: ['1.0 recurrentKernel'],
  makes: ['0.1 kernel', '1.1 recurrentKernel', '2.0 bias'],
};

const LAYOUTS: Readonly<Record<string, Layout>> = {
  Dense: { reads: ['0.0 kernel'], makes: ['0.1 kernel', '1.0 bias'] },
  Embedding: { makes: ['0.1 kernel'] },
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  Conv2DTranspose: transposed(2),
  Conv3DTranspose: transposed(3),
  DepthwiseConv2D: { scales: ['0.2 depthwiseKernel', '1.0 bias'] },
  SeparableConv2D: {
    scales: ['0.2 depthwiseKernel'],
    reads: ['1.2 kernel'],
    makes: ['1.3 kernel', '2.0 bias'],
  },
  BatchNormalization: { scales: ['0.0 gamma', '1.0 beta', '2.0 mean', '3.0 variance'] },
  SimpleRNN: RECURRENT,
  GRU: RECURRENT,
  LSTM: RECURRENT,
};

/** One line of the notation with every site spelled out, sites sorted; comparable with {@link told}. */
export function spelled(line: string, model: Checkpoint): string {
  const [, head, makers, scalers, readers] = /^(.+?): ?(.*)\|(.*)\|(.*)$/.exec(line)!;
  const specs = new Map(leaves(model.topology).map(({ path, spec }) => [path, spec]));
  const sites = (role: Role, layers: string): string[] =>
    layers
      .trim()
      .split(' ')
      .filter(Boolean)
      .flatMap(layer => sitesOf(role, layer, specs));
  return [head, ...[...sites('makes', makers), ...sites('scales', scalers), ...sites('reads', readers)].sort()].join('\n  '); // prettier-ignore
}

/** A group found, in the form of {@link spelled}. */
export function told({ name, kind, units, sites, frozen }: Group): string {
  const lines = sites.map(site => `${site.role} ${site.layer}.${site.weight}.${site.axis} ${site.parameter}`);
  return [`${name} ${kind} ${units.length}${frozen ? ` (${frozen})` : ''}`, ...lines.sort()].join('\n  ');
}

/** The unit at each position of `place` (`layer.weight.axis`), as the name of its group and its index there: `a0 a1 b0`. */
export function unitsAt(place: string, found: readonly Group[]): string {
  const names: string[] = [];
  for (const group of found) {
    for (const site of group.sites.filter(site => `${site.layer}.${site.weight}.${site.axis}` === place)) {
      membersAt(group, site).forEach((member, position) => {
        if (member >= 0) names[position] = `${group.name}${member}`;
      });
    }
  }
  return names.join(' ');
}

function sitesOf(role: Role, token: string, specs: ReadonlyMap<string, LayerSpec>): string[] {
  const path = token.replace(/~$/, '');
  const spec = specs.get(path);
  if (spec === undefined) throw new Error(`the net has no layer "${path}"`);
  const parts = partsOf(spec.className, spec.config);
  return parts.flatMap(({ layout, config, first }) =>
    (layout[token === path ? role : 'state'] ?? [])
      .filter(site => config.useBias !== false || !site.endsWith('bias'))
      .map(site => `${role} ${path}.${site.replace(/^\d+/, weight => String(Number(weight) + first))}`),
  );
}

/** A layer, what a wrapper holds, or both directions of a Bidirectional with the number of their first weights. */
function partsOf(className: string, config: Config): { layout: Layout; config: Config; first: number }[] {
  const held = config.layer as { className: string; config: Config } | undefined;
  if (className === 'TimeDistributed') return partsOf(held!.className, held!.config);
  if (className === 'Bidirectional') {
    const [forwards] = partsOf(held!.className, held!.config);
    return [forwards, { ...forwards, first: held!.config.useBias === false ? 2 : 3 }];
  }
  return [{ layout: LAYOUTS[className] ?? {}, config, first: 0 }];
}
