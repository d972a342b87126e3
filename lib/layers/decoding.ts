/** Feeding a model one piece of a text after the other: what attention and position layers remember meanwhile. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { PruneError } from '../core/errors';
import { Attention } from './attention';
import { Memory } from './memory';
import { PositionEmbedding } from './positions';

export interface Decoding {
  /** Places that the model has seen. */
  readonly length: number;
  /** Ends the decoding and frees its tensors; the model sees each text whole again. */
  dispose(): void;
}

/**
 * From now on every prediction of `model` goes on where the last one ended: `predict` with the first tokens, then with one
 * more at a time, gives what it would give at these places for the whole text. Every call must have the same batch size,
 * of one batch at most. Saving the model does not save it.
 * @throws PruneError `bad-option` for a model without causal attention, with attention that hears later places or is called
 * twice, or in the middle of another decoding.
 */
export function startDecoding(model: LayersModel): Decoding {
  const found = layersIn(model);
  const hearing = found.filter(layer => layer instanceof Attention);
  const placing = found.filter(layer => layer instanceof PositionEmbedding);
  requireDecodable(model, hearing);
  for (const layer of hearing) layer.memory = new Memory();
  for (const layer of placing) layer.start = 0;
  return {
    get length() {
      return hearing[0].memory?.length ?? 0;
    },
    dispose() {
      for (const layer of hearing) {
        layer.memory?.dispose();
        layer.memory = undefined;
      }
      for (const layer of placing) layer.start = undefined;
    },
  };
}

type Layer = LayersModel['layers'][number];

function layersIn(model: LayersModel): Layer[] {
  return model.layers.flatMap(layer => ('layers' in layer ? layersIn(layer as LayersModel) : [layer]));
}

function requireDecodable({ name }: LayersModel, hearing: readonly Attention[]): void {
  const odd =
    hearing.length === 0
      ? 'no attention layer'
      : hearing.flatMap(layer => {
          if (!layer.causal) return [`"${layer.name}", which is not causal`];
          if (layer.inboundNodes.length > 1) return [`"${layer.name}", which is called twice`];
          return layer.memory ? [`"${layer.name}", which is decoding already`] : [];
        })[0];
  if (odd === undefined) return;
  const expected = 'causal attention layers, each called once and free';
  const cure = 'Decode with a causal language model, and dispose the last decoding first.';
  throw new PruneError('bad-option', { place: `startDecoding "${name}"`, expected, got: odd, cure });
}
