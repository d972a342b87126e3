/** Sizes that a model leaves open (time, height, width), as those of an example. */
import { isContainer, nameOf, type Checkpoint, type LayerSpec, type Topology } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { fits, showShape, type InputSizes, type Shape } from '../core/shapes';

/** `model` for examples of these sizes alone. @throws PruneError `bad-option` where it does not take such examples. */
export function atSizes(model: Checkpoint, sizes: InputSizes): Checkpoint {
  return { ...model, topology: inside(model.topology, sizes) };
}

function inside(model: Topology, sizes: InputSizes): Topology {
  const { layers, inputLayers } = model.config;
  // A chain has one input: that of its first layer.
  const names = inputLayers?.map(([name]) => name) ?? layers.slice(0, 1).map(nameOf);
  if (sizes.length !== names.length) throw refusal('inputs', `shapes of ${names.length}`, String(sizes.length));
  const wanted = new Map(names.map((name, i) => [name, sizes[i]]));
  const sized = layers.map(spec => {
    const size = wanted.get(nameOf(spec));
    if (size === undefined) return spec;
    return isContainer(spec) ? inside(spec, [size]) : taking(spec, size);
  });
  return { ...model, config: { ...model.config, layers: sized } };
}

function taking(spec: LayerSpec, size: readonly number[]): LayerSpec {
  const { batchInputShape } = spec.config as { batchInputShape: Shape };
  const [batch, ...shape] = batchInputShape;
  if (!fits(size, shape)) throw refusal(`input "${nameOf(spec)}"`, showShape(shape), showShape(size));
  return { ...spec, config: { ...spec.config, batchInputShape: [batch, ...size] } };
}

function refusal(place: string, expected: string, got: string): PruneError {
  const cure = 'Give the shape of an example of every input, without the batch.';
  return new PruneError('bad-option', { place, expected, got, cure });
}
