/** What a model costs: units, parameters, multiply-accumulates, bytes. */
import type { Checkpoint } from '../core/checkpoint';
import { macsFor, parametersOf } from '../graph/cost';
import { groupsOf, type Group } from '../graph/group';
import type { InputSizes } from '../core/shapes';
import { trace } from '../graph/trace';
import { MODEL_OUTPUT } from '../rules/input';
import type { Cost, LayerWidth } from './report';

/**
 * `macs` counts the kernels of convolutions and dense layers for one example; elementwise layers count nothing.
 * Where the model leaves sizes open, those of `example` count, one shape for each input, without the batch: `[[256]]` for texts
 * of 256 tokens. Units of the model's own inputs and outputs are not counted.
 * @throws PruneError `no-rule`, `bad-model`; `bad-option` for examples that the model does not take.
 */
export function costOf(model: Checkpoint, { example }: { readonly example?: InputSizes } = {}): Cost {
  const traced = trace(model);
  return {
    units: groupsOf(traced)
      .filter(isHidden)
      .reduce((sum, { units }) => sum + units.length, 0),
    parameters: parametersOf(model.weights),
    macs: macsFor(example, model, traced),
    bytes: [...model.weights.values()].flat().reduce((sum, { data }) => sum + data.byteLength, 0),
  };
}

/** Width of every layer that makes units, before and after; layers in topology order. */
export function layerWidths(before: Checkpoint, after: Checkpoint): readonly LayerWidth[] {
  const widths = makerWidths(after);
  return [...makerWidths(before)].map(([layer, width]) => ({ layer, before: width, after: widths.get(layer) ?? 0 }));
}

/** Whether the units of `group` are internal: neither the model's inputs nor its outputs. */
function isHidden({ frozen, kind }: Group): boolean {
  return kind !== 'features' && frozen !== MODEL_OUTPUT;
}

function makerWidths(model: Checkpoint): Map<string, number> {
  const makes = trace(model).sites.filter(({ role, parameter }) => role === 'makes' && parameter === 'kernel');
  const widths = new Map<string, number>();
  // Of a table that also scores with what it looks up, what it looks up counts, which comes first.
  for (const { layer, width } of makes) if (!widths.has(layer)) widths.set(layer, width.length);
  return widths;
}
