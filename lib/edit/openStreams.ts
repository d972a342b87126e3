/** Models made ready for their streams to be turned, each by itself. */
import type { Checkpoint } from '../core/checkpoint';
import { streamsOf, type Stream } from '../graph/streams';
import type { Trace } from '../graph/ledger';
import { trace } from '../graph/trace';
import { foldNorms } from './foldNorms';
import { addShortcuts } from './shortcuts';
import { turnProblem } from './turn';
import { untie } from './untie';

export interface OpenedStreams {
  /** It computes the same. */
  readonly model: Checkpoint;
  readonly traced: Trace;
  readonly streams: readonly OpenedStream[];
}

export interface OpenedStream extends Stream {
  /** Why it cannot be turned, for people; undefined where it can. */
  readonly problem?: string;
}

/**
 * `model` with its norms reduced to the length they divide by and tied weights apart; unless the streams shall stay one, with an identity
 * beside every residual branch, which makes what lies before and behind its sum two streams.
 */
export function openStreams(model: Checkpoint, { apart }: { readonly apart: boolean }): OpenedStreams {
  const untied = untie(model);
  const { model: loose, shortcuts } = apart ? addShortcuts(untied) : { model: untied, shortcuts: new Set<string>() };
  const { model: folded, left } = foldNorms(loose, shortcuts);
  const traced = trace(folded);
  const streams = streamsOf(traced).map((stream): OpenedStream => {
    const kept = stream.norms.find(({ layer }) => left.has(layer))?.layer;
    const problem = kept ? `"${kept}" cannot be folded: ${left.get(kept)}` : turnProblem(folded, traced, stream);
    return { ...stream, ...(problem !== undefined && { problem }) };
  });
  return { model: folded, traced, streams };
}
