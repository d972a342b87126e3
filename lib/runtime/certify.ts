/** The proof of a slice: both models on the same random inputs. */
import { relativeError, type NdArray } from '../core/array';
import type { Checkpoint } from '../core/checkpoint';
import type { Certificate } from '../core/context';
import { PruneError } from '../core/errors';
import { macsOfModel } from '../graph/cost';
import { headsOf, withLinear } from './heads';
import { predict } from './predict';
import { probeInputs } from './probes';
import { withStreamed } from './streamed';

export interface CertifyOptions {
  readonly seed: number;
  /** Default: 8, or as many as 2 billion multiply-accumulates allow, and at least 1. */
  readonly probes?: number;
  readonly tolerance?: number;
}

/**
 * Runs both models on `probes` random inputs and compares every output, relative to its largest value. The activation that
 * ends an output is taken off in both first: a saturated softmax or a dead ReLU would hide a difference. Deterministic.
 * @throws PruneError `not-exact` when they differ by more than `tolerance` or an output is not finite.
 */
export async function certify(
  place: string,
  masked: Checkpoint,
  sliced: Checkpoint,
  { seed, probes = probesFor(masked), tolerance = 1e-5 }: CertifyOptions,
): Promise<Certificate> {
  const { inputs, expected } = await withStreamed(bare(masked), async model => {
    const drawn = probeInputs(model, seed, probes);
    return { inputs: drawn, expected: await predict(model, drawn) };
  });
  const got = await withStreamed(bare(sliced), model => predict(model, inputs));
  const error = Math.max(...expected.map((output, i) => errorOf(got[i], output)));
  if (!(error <= tolerance)) throw notExact(place, error, tolerance);
  return { error, tolerance, probes };
}

/** One image of full size has pixels enough to prove a large net, and eight of them would cost more than the cut. */
export function probesFor(model: Checkpoint): number {
  const affordable = Math.floor(2e9 / (macsOfModel(model) ?? 0));
  return Math.min(8, Math.max(1, affordable));
}

function bare(checkpoint: Checkpoint): Checkpoint {
  const heads = headsOf(checkpoint.topology).filter(({ free, activation }) => free && activation !== 'linear');
  const topology = withLinear(checkpoint.topology, new Set(heads.map(({ path }) => path)));
  return { ...checkpoint, topology };
}

function errorOf(got: NdArray | undefined, expected: NdArray): number {
  if (got === undefined || got.shape.join() !== expected.shape.join()) return Infinity;
  const error = relativeError(got.data, expected.data);
  return Number.isFinite(error) ? error : Infinity; // an infinite output makes the quotient NaN
}

function notExact(place: string, error: number, tolerance: number): PruneError {
  return new PruneError('not-exact', {
    place,
    expected: `the sliced model to equal the masked one within ${tolerance}`,
    got: Number.isFinite(error) ? `a relative difference of ${error.toExponential(1)}` : 'outputs that are not finite',
    cure: 'Check the weights for extreme values; if they are sound, a layer rule is wrong: please report the topology.',
  });
}
