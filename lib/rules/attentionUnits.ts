/** Another choice of what is prunable in attention layers. */
import { checkKeyword } from '../core/check';
import { leaves, mapLeaves, type Checkpoint } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { ATTENTION, ATTENTION_UNITS, type AttentionUnits } from './attention';

/**
 * `model` in which the attention layers that `layers` names by path (default: all) have `units`: whole heads, or dimensions of all
 * heads of a layer alike. It computes the same.
 * @throws PruneError `bad-option` where no attention layer is named.
 */
export function attentionUnits(
  model: Checkpoint,
  units: AttentionUnits,
  { layers = () => true }: { readonly layers?: (path: string) => boolean } = {},
): Checkpoint {
  checkKeyword('attentionUnits', 'units', units, ATTENTION_UNITS);
  const meant = leaves(model.topology).filter(({ path, spec }) => spec.className === ATTENTION && layers(path));
  if (meant.length === 0) {
    throw new PruneError('bad-option', {
      place: 'attentionUnits',
      expected: 'layers to name an attention layer',
      got: 'none',
      cure: 'Take a model with attention layers of this library, and name them by path.',
    });
  }
  const paths = new Set(meant.map(({ path }) => path));
  const topology = mapLeaves(model.topology, (spec, path) =>
    paths.has(path) ? { ...spec, config: { ...spec.config, units } } : spec,
  );
  return { ...model, topology };
}
