/** What a file says of the compression that made its model. */
import { hashOfJson } from '../core/hash';
import type { Measures, Provenance } from '../core/provenance';
import { VERSION } from '../core/version';
import type { Cost, Report, Stage } from './report';

/**
 * The {@link Provenance} of what `compress` returned, for `saveLayersModel`; the scores are those of the first and the last
 * stage. The same for the same model, method, data and seed.
 */
export async function provenanceOf({
  report,
  plan,
}: {
  readonly report: Report;
  readonly plan: { readonly source: { readonly sha256: string } };
}): Promise<Provenance> {
  const { method, seed, before, after, stages, split } = report;
  return {
    parent: plan.source.sha256,
    plan: await hashOfJson(plan),
    seed,
    method,
    metrics: {
      before: measure(before, stages[0]),
      after: measure(after, stages[stages.length - 1]),
      ...(split !== undefined && { split }),
    },
    version: VERSION,
  };
}

/** JSON has no way to write what is not known or not finite. */
function measure({ units, parameters, macs, bytes }: Cost, { loss, accuracy }: Partial<Stage> = {}): Measures {
  const measured = Object.entries({ macs, loss, accuracy }).filter(([, value]) => Number.isFinite(value));
  return { units, parameters, bytes, ...(Object.fromEntries(measured) as Partial<Measures>) };
}
