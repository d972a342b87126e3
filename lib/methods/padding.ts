/** Which places of a batch of texts count: what attention is told says it to methods that look at places, too. */
import type { NdArray } from '../core/array';
import type { Observed } from '../core/context';
import type { Trace } from '../graph/ledger';
import { attention } from '../rules/attention';

/** Path of a layer that is told, to be looked at. */
export function paddingLayer({ calls }: Trace): string | undefined {
  return calls.find(({ rule, inputs }) => rule === attention && inputs.length > 3)?.layer;
}

/** 1 for places that count, `[batch, time]`; undefined where `layer` is, and all of them do. */
export function paddingIn(seen: Observed, layer: string | undefined): NdArray | undefined {
  return layer === undefined ? undefined : seen.get(layer)![0][3];
}
