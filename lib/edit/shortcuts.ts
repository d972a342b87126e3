/** Dense layers on the streams beside residual branches, so that what comes before a sum can lie in another basis than what follows. */
import { ndarray, type NdArray } from '../core/array';
import { freshName, join, nameOf, type Checkpoint, type InboundNode, type LayerSpec } from '../core/checkpoint';
import { blocks, type Branch } from '../graph/blocks';
import { streamsOf } from '../graph/streams';
import { trace } from '../graph/trace';
import { dense } from '../rules/dense';
import { mapContainers } from './containers';

export interface WithShortcuts {
  readonly model: Checkpoint;
  /** Paths of the layers that were added. */
  readonly shortcuts: ReadonlySet<string>;
}

/** `model` with an identity, as a Dense layer without bias, on the stream into the sum of every residual branch of a stream. */
export function addShortcuts(model: Checkpoint): WithShortcuts {
  const sizes = sizesOf(model);
  const weights = new Map(model.weights);
  const shortcuts = new Set<string>();
  const topology = mapContainers(model.topology, '', (container, path) => {
    const { layers } = container.config;
    const taken = new Set(layers.map(nameOf));
    const next = layers.flatMap(spec => {
      const found = sizes.get(join(path, nameOf(spec)));
      if (found === undefined) return [spec];
      const shortcut = shortcutOf(spec, found, freshName(`${nameOf(spec)}_shortcut`, taken));
      const at = join(path, nameOf(shortcut));
      shortcuts.add(at);
      weights.set(at, [identity(found.size)]);
      const inputs = spec.inboundNodes![0].map((input, i): InboundNode[number] =>
        i === found.branch.stream ? [nameOf(shortcut), 0, 0, {}] : input,
      );
      return [shortcut, { ...spec, inboundNodes: [inputs] }];
    });
    return { ...container, config: { ...container.config, layers: next } };
  });
  return { model: { topology, weights }, shortcuts };
}

interface Found {
  readonly branch: Branch;
  readonly size: number;
}

/** The branches of streams, by the paths of their sums, and how wide the streams are. */
function sizesOf(model: Checkpoint): ReadonlyMap<string, Found> {
  const traced = trace(model);
  const units = new Set(streamsOf(traced).flatMap(stream => [...stream.units]));
  const widths = new Map(traced.calls.map(({ layer, outputs }) => [layer, outputs[0]?.width]));
  return new Map(
    blocks(model).branches.flatMap(({ branches: [branch] }): [string, Found][] => {
      const width = widths.get(branch.name)!;
      return units.has(width[0]) ? [[branch.name, { branch, size: width.length }]] : [];
    }),
  );
}

function shortcutOf({ inboundNodes }: LayerSpec, { branch, size }: Found, name: string): LayerSpec {
  const config = { name, trainable: true, units: size, activation: 'linear', useBias: false };
  return { className: dense.className, name, config, inboundNodes: [[inboundNodes![0][branch.stream]]] };
}

function identity(size: number): NdArray {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return ndarray(data, [size, size]);
}
