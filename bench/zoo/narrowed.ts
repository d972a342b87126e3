/** Nets of the zoo with a share of their multiply-accumulates left, as `prune` cuts them. */
import { capture, costOf, costTarget, magnitude, uniform, type Checkpoint, type Context, type Group } from '../../lib';
import { slice } from '../../lib/edit/slice';
import { choose } from '../../lib/methods/prune';
import { ZOO } from './index';
import type { NetOptions } from './parts';
import { seeded } from './weights';

/** Every backend computes this many channels at once, or a multiple of it: see "Widths" in bench/README.md. */
const MULTIPLE = 8;

/** Nets of which only the inside of blocks is cut, where depthwise convolutions and activations shrink as the products do. */
const INNER_ONLY: readonly string[] = ['mobilenetV2'];

/** A net, and the same without the units of the smallest L1 norms, as few as leave `macs` (a fraction) or just less. */
export async function pairOf(name: string, macs: number, options: NetOptions = {}) {
  const net = seeded(ZOO[name].build(options));
  const dense = await capture(net);
  net.dispose();
  const budget = costTarget({ macs, scope: uniform, multipleOf: MULTIPLE });
  const groups = INNER_ONLY.includes(name) ? isInner : undefined;
  const { traced, removed } = await choose(dense, { criterion: magnitude(), budget, groups }, NO_CONTEXT);
  const models = [dense, slice(dense, traced, removed)] as const;
  return { models, macs: models.map(countMacs) as [number, number] };
}

/** Whether one layer alone makes its units: inside a block, not of the stream that blocks add to. */
function isInner({ sites }: Group): boolean {
  return new Set(sites.filter(({ role }) => role === 'makes').map(({ layer }) => layer)).size === 1;
}

function countMacs(model: Checkpoint): number {
  return costOf(model).macs!;
}

/** The L1 norm asks for nothing but to tell how far it is. */
const NO_CONTEXT = { progress() {} } as unknown as Context;
