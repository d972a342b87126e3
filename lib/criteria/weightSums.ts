/** Batch by batch: weights times their gradients, summed over the slices of a unit. */
import { around, type NdArray } from '../core/array';
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import type { Context } from '../core/context';
import { membersAt, type Group } from '../graph/group';
import type { Site } from '../graph/ledger';
import { averaged, type CalibrationOptions } from './calibration';
import type { Scores } from './criterion';

interface WeightSumOptions extends CalibrationOptions {
  /** The products as they are (1) or their squares (2). */
  readonly power: 1 | 2;
}

/** The mean over batches of `value` of the products of a unit, summed over `sites` of its group. */
export async function averagedWeightSums(
  name: string,
  groups: readonly Group[],
  model: Checkpoint,
  context: Context<'gradients'>,
  { power, ...options }: WeightSumOptions,
  sites: (group: Group) => readonly Site[],
  value: (sum: number) => number,
): Promise<readonly Scores[]> {
  const held = groups.map(group => sites(group).map(site => ({ site, members: membersAt(group, site) })));
  return averaged(name, groups, options, context, see =>
    context.gradients.weights(
      model,
      gradients => {
        const products = productsOnce(model, gradients, power);
        const sums = groups.map(({ units }, group) => {
          const own = new Float64Array(units.length);
          for (const { site, members } of held[group]) addTo(own, products(site), members);
          return own.map(value);
        });
        return see(sums.map(own => [own]));
      },
      options,
    ),
  );
}

/** Groups that meet in a concatenation are read by one weight, which is gone through once. */
function productsOnce(model: Checkpoint, gradients: Checkpoint['weights'], power: 1 | 2): (site: Site) => Float64Array {
  const known = new Map<string, Float64Array>();
  return ({ layer, weight, axis }) => {
    const key = `${layer}:${weight}:${axis}`;
    if (!known.has(key)) {
      known.set(key, productsAlong(weightsOf(model, layer)[weight], gradients.get(layer)![weight].data, axis, power));
    }
    return known.get(key)!;
  };
}

/** For each position of `axis` the sum over its slice. */
export function productsAlong(
  { shape, data }: NdArray,
  gradient: ArrayLike<number>,
  axis: number,
  power: 1 | 2,
): Float64Array {
  const { outer, length, inner } = around(shape, axis);
  const sums = new Float64Array(length);
  for (let o = 0, at = 0; o < outer; o++) {
    for (let position = 0; position < length; position++) {
      let sum = 0;
      for (const end = at + inner; at < end; at++) {
        const product = data[at] * gradient[at];
        sum += power === 1 ? product : product * product;
      }
      sums[position] += sum;
    }
  }
  return sums;
}

function addTo(own: Float64Array, products: Float64Array, members: Int32Array): void {
  members.forEach((member, position) => {
    if (member >= 0) own[member] += products[position];
  });
}
