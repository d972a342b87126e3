/** Writes FEATURES.md from the rules themselves: `npm run features`. A spec compares the two. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONVERSIONS } from '../lib/onnx';
import { RULES } from '../lib/rules';
import type { LayerRule } from '../lib/rules/rule';

/** What a rule does with the units of a layer, in words; a class that is not here moves, keeps or couples units as its name says. */
const TRACES: Readonly<Record<string, string>> = {
  InputLayer: 'frozen: the model input',
  Embedding: 'new dimensions; the numbers it looks up are frozen',
  CategoryEncoding: 'frozen',
  LayerNormalization: 'passes; frozen along the axes it normalises',
  Softmax: 'passes; frozen along its axis',
  Masking: 'frozen: it looks at all units of a step',
  Dot: 'passes free axes; what it sums over is coupled, or frozen where it is not zero at zero',
  Resizing: 'frozen: tf.js cannot run it inside a model',
  RandomWidth: 'frozen: tf.js cannot run it inside a model',
  Bidirectional: 'new cells, forwards and backwards in pairs; any merge mode',
  TimeDistributed: 'as the layer inside',
  RNN: 'new cells, in a stack too',
  PruneAttention:
    'a key and value head with the query heads that hear it is one unit; or dimensions of all heads alike',
  PruneTiedEmbedding: 'new dimensions, the same in front and behind; the vocabulary is frozen',
  PruneLoraDense: 'new neurons; the rank is frozen',
};

function traceOf({ className, resize }: LayerRule): string {
  if (TRACES[className]) return TRACES[className];
  if (/^(Conv|Separable)/.test(className)) return 'new channels';
  if (/^(Dense)$/.test(className)) return 'new neurons';
  if (/^(LSTM|GRU|SimpleRNN)$/.test(className)) return 'new cells';
  if (/^(Add|Multiply|Average|Maximum|Minimum)$/.test(className)) return 'couples position by position, broadcasts too';
  if (className === 'Concatenate') return 'joins';
  if (/^(Flatten|Reshape|Permute|RepeatVector)$/.test(className)) return 'moves units as it moves data';
  return resize ? 'follows' : 'passes';
}

function sliceOf({ resize, className }: LayerRule): string {
  if (resize) return 'weights and config';
  return /^(BatchNormalization|PReLU|DepthwiseConv2D|PruneRmsNorm|PruneLayerNorm|PrunePositionEmbedding|PruneClassToken)$/.test(
    className,
  )
    ? 'weights'
    : 'nothing to cut';
}

/** What `saveOnnx` makes of a class that has no conversion. */
const NOT_CONVERTED: Readonly<Record<string, string>> = {
  InputLayer: 'an input',
  PruneLoraDense: 'as Dense, the correction added',
};

function onnxOf({ className }: LayerRule): string {
  if (CONVERSIONS.some(conversion => conversion.className === className)) return 'written';
  return NOT_CONVERTED[className] ?? 'refused';
}

/** The whole file. */
export function features(rules: readonly LayerRule[] = RULES): string {
  const rows = [...rules]
    .sort((a, b) => (a.className < b.className ? -1 : 1))
    .map(
      rule =>
        `| ${rule.className} | ${traceOf(rule)} | ${sliceOf(rule)} | ${rule.macs ? 'counted' : '0'} | ${onnxOf(rule)} |`,
    );
  return [
    '# Layer classes',
    '',
    `The ${rules.length} layer classes that have a rule: all that tfjs-layers 4.22 exports, and ours, which begin with Prune.`,
    'This page is written from the rules by `npm run features`.',
    'Both data formats, functional, Sequential and nested models, layers shared by several calls, several inputs and outputs.',
    'A layer of your own gets a rule with `defineRule`. A setting that a rule does not know freezes the layer, with the reason.',
    '',
    '| Class | Trace: what it does to units | Slice: what a cut changes | MACs | ONNX |',
    '| ----- | ---------------------------- | ------------------------- | ---- | ---- |',
    ...rows,
    '',
  ].join('\n');
}

if (require.main === module) writeFileSync(join(__dirname, '../FEATURES.md'), features());
