/** The tensors of a BERT: weights are `[out, in]`. */
import type { BertConfig } from './bertConfig';
import type { LayerShape } from './layerShape';
import type { TensorRow, TensorTable } from './tensorRow';

export function bertTensors(config: BertConfig): TensorTable {
  const { vocabSize, hiddenSize, maxPositions, tokenTypes } = config;
  const embeddings = 'bert.embeddings.';
  const rows: TensorRow[] = [
    { name: `${embeddings}word_embeddings.weight`, shape: [vocabSize, hiddenSize] },
    { name: `${embeddings}position_embeddings.weight`, shape: [maxPositions, hiddenSize] },
    { name: `${embeddings}token_type_embeddings.weight`, shape: [tokenTypes, hiddenSize] },
    ...normRows(`${embeddings}LayerNorm`, hiddenSize),
    ...config.layers.flatMap((layer, i) => layerRows(`bert.encoder.layer.${i}.`, layer, hiddenSize)),
    ...headRows(config).map(row => ({ ...row, optional: true })),
  ];
  // Files of long ago call the parameters of a norm by other names.
  const old = rows.map(row => (row.name.includes('LayerNorm') ? { ...row, or: [oldName(row.name)] } : row));
  return { rows: old, prefix: 'bert.', harmless: /(^|\.)embeddings\.(position|token_type)_ids$/ };
}

/** Each is there where the checkpoint was trained with it. */
function headRows({ hiddenSize, vocabSize, labels, ...widths }: BertConfig): TensorRow[] {
  const { poolerSize = hiddenSize, transformSize = hiddenSize } = widths;
  const [bias, decoderBias] = ['cls.predictions.bias', 'cls.predictions.decoder.bias'];
  return [
    ...linear('bert.pooler.dense', poolerSize, hiddenSize),
    ...linear('classifier', labels.length, poolerSize),
    ...linear('cls.predictions.transform.dense', transformSize, hiddenSize),
    ...normRows('cls.predictions.transform.LayerNorm', transformSize),
    ...linear('cls.predictions.decoder', vocabSize, transformSize, false),
    // One vector of two names, of which a file may have either.
    { name: bias, shape: [vocabSize], or: [decoderBias] },
    { name: decoderBias, shape: [vocabSize], or: [bias] },
    ...linear('cls.seq_relationship', 2, poolerSize),
  ];
}

function layerRows(prefix: string, layer: LayerShape, hiddenSize: number): TensorRow[] {
  const { heads, headSize, valueSize, intermediateSize } = layer;
  const attention = [
    ...linear(`${prefix}attention.self.query`, heads * headSize, hiddenSize),
    ...linear(`${prefix}attention.self.key`, heads * headSize, hiddenSize),
    ...linear(`${prefix}attention.self.value`, heads * valueSize, hiddenSize),
    ...linear(`${prefix}attention.output.dense`, hiddenSize, heads * valueSize),
    ...normRows(`${prefix}attention.output.LayerNorm`, hiddenSize),
  ];
  const feedForward = [
    ...linear(`${prefix}intermediate.dense`, intermediateSize, hiddenSize),
    ...linear(`${prefix}output.dense`, hiddenSize, intermediateSize),
    ...normRows(`${prefix}output.LayerNorm`, hiddenSize),
  ];
  return [...(heads > 0 ? attention : []), ...(intermediateSize > 0 ? feedForward : [])];
}

export function linear(name: string, out: number, from: number, bias = true): TensorRow[] {
  const weight = { name: `${name}.weight`, shape: [out, from] };
  return bias ? [weight, { name: `${name}.bias`, shape: [out] }] : [weight];
}

export function normRows(name: string, width: number): TensorRow[] {
  return ['weight', 'bias'].map(part => ({ name: `${name}.${part}`, shape: [width] }));
}

function oldName(name: string): string {
  return name.replace(/\.weight$/, '.gamma').replace(/\.bias$/, '.beta');
}
