/** Feeding a model one piece of a text after the other: what attention and position layers remember meanwhile. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { Attention } from './attention';
import { Memory, type Texts } from './memory';
import { PositionEmbedding } from './positions';

export interface Decoding {
  /** Places that the model has seen. */
  readonly length: number;
  /** Goes on with the texts at `rows` of the batch alone, in this order. */
  keepRows(rows: readonly number[]): void;
  /** Ends the decoding and frees its tensors; the model sees each text whole again. */
  dispose(): void;
}

export interface DecodingOptions {
  /**
   * For texts of different lengths in one batch, each filled up in front: how many places of each row hold nothing. They are not heard,
   * and learned positions count from behind them.
   */
  readonly padding?: readonly number[];
}

/**
 * From now on every prediction of `model` goes on where the last one ended: `predict` with the first tokens, then with one
 * more at a time, gives what it would give at these places for the whole text. Every call must have the same batch size,
 * of one batch at most. Saving the model does not save it.
 * @throws PruneError `bad-option` for a model without causal attention, with attention that hears later places or is called
 * twice, or in the middle of another decoding, or for padding out of range; a prediction `bad-data` for another number of rows.
 */
export function startDecoding(model: LayersModel, { padding }: DecodingOptions = {}): Decoding {
  const found = layersIn(model);
  const hearing = found.filter(layer => layer instanceof Attention);
  const placing = found.filter(layer => layer instanceof PositionEmbedding);
  requireDecodable(model, hearing);
  for (const empty of padding ?? []) checkNumber('startDecoding', 'padding', empty, { least: 0, integer: true });
  const texts: Texts = { padding: padding?.some(empty => empty > 0) ? padding : undefined };
  for (const layer of hearing) layer.memory = new Memory(texts);
  for (const layer of placing) Object.assign(layer, { start: 0, texts });
  return {
    get length() {
      return hearing[0].memory?.length ?? 0;
    },
    keepRows(rows) {
      for (const { memory } of hearing) memory?.keepRows(rows);
      texts.padding = texts.padding && rows.map(row => texts.padding![row]);
    },
    dispose() {
      for (const layer of hearing) {
        layer.memory?.dispose();
        layer.memory = undefined;
      }
      for (const layer of placing) Object.assign(layer, { start: undefined, texts: undefined });
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
