/** The only door: every public name, in the order one meets them. It makes tf.js know all layers of ours. */
import './layers/registered';

export { useBackend } from './runtime/backend';
export { compress, type Compressed, type Restorable, type CompressOptions } from './compress';
export { plan, editPlan, applyPlan, restore, type PlanOptions, type ApplyOptions } from './plan';
export { importance, sensitivity, measureWidths, type ImportanceOptions, type SensitivityOptions } from './scan';
export { train } from './runtime/train';
export { useFastNorms } from './runtime/fastNorms';
export type { Data, Examples } from './runtime/data';

export {
  networkSlimming,
  iterative,
  prune,
  pruneToLatency,
  layerDrop,
  shortGpt,
  sleb,
  blockPruner,
  headPruning,
  ffnPruning,
  wandaSp,
  flap,
  twoStage,
  isHeads,
  isFeedForward,
  sliceGpt,
  laco,
  cut,
  fineTune,
  distill,
  recalibrate,
  repair,
  slim,
  groupLasso,
  growingReg,
  guard,
  llmPruner,
  loraTune,
  miniLlm,
  sequenceDistill,
  shearedLlama,
  chain,
  repeat,
} from './methods';
export type {
  Method,
  PruneOptions,
  PruneToLatencyOptions,
  LayerDropOptions,
  DepthOptions,
  PartPruningOptions,
  WandaSpOptions,
  FlapOptions,
  TwoStageOptions,
  GroupFilter,
  SliceGptOptions,
  LacoOptions,
  FineTuneOptions,
  Distillation,
  DistillOptions,
  SlimOptions,
  NetworkSlimmingOptions,
  IterativeOptions,
  RepairOptions,
  GuardOptions,
  GroupLassoOptions,
  GrowingRegOptions,
  LlmPrunerOptions,
  LoraTuneOptions,
  MiniLlmOptions,
  SequenceDistillOptions,
  ShearDomains,
  ShearedLlamaOptions,
  ShearTarget,
} from './methods';
export { geometricMedian, groupNorm, activation, wanda, fluctuation, hrank } from './criteria';
export type {
  GeometricMedianOptions,
  GroupNormOptions,
  ActivationOptions,
  WandaOptions,
  HrankOptions,
} from './criteria';
export { gamma, magnitude, random, scoreEach, type Criterion, type Scores } from './criteria';
export { taylor, fisher, coupled, type TaylorOptions, type FisherOptions, type CoupledOptions } from './criteria';
export { blockInfluence, lossIncrease, randomBlocks, lastBlocks, firstBlocks, type BlockCriterion } from './criteria';
export { uniform, perGroup, global, isomorphic, costTarget, bySensitivity, inProportion, stepRatio } from './budgets';
export type { Budget, BudgetOptions, Scored, Schedule, CostTargetOptions, UniformOptions } from './budgets';
export type { GlobalOptions, UnitCost } from './budgets';
export type { PerGroupOptions, InProportionOptions, GroupRatios, BySensitivityOptions } from './budgets';

export { slimmable } from './layers/slimmable';
export { attention, type AttentionOptions, type RotaryOptions } from './layers/attention';
export { attentionUnits } from './rules/attentionUnits';
export type { AttentionUnits } from './rules/attention';
export type { RotaryLayout } from './rules/rotary';
export { rmsNorm, layerNorm, type NormOptions } from './layers/norms';
export { tiedEmbedding, type TiedEmbeddingOptions } from './layers/tiedEmbedding';
export { positionEmbedding, classToken, firstToken, type PositionEmbeddingOptions } from './layers/positions';
export { startDecoding, type Decoding, type DecodingOptions } from './layers/decoding';
export { addLora, mergeLora } from './runtime/lora';
export type { LoraOptions } from './edit/lora';
export { slimModel, strip } from './runtime/slimModel';

export { capture } from './runtime/capture';
export { materialize } from './runtime/materialize';
export { fuseLayers } from './edit/fuse';
export { defineRule } from './rules';
export type { LayerRule, LayerCall, Traced, LocalSite, Flow, Width, CutCall, CallShapes } from './rules/rule';
export { groups, type Group } from './graph/group';
export { blocks, type Blocks, type Block, type Branch, type Unfit } from './graph/blocks';
export { removeBlocks } from './edit/remove';
export { costOf } from './report/cost';
export { formatReport } from './report/format';
export { formatPlan } from './report/planText';
export { formatSensitivity, plotSensitivity, formatWidths, plotWidths } from './report/scanText';
export { plateaus, type Plateaus, type WidthTable, type GroupWidths, type WidthPoint } from './core/widths';
export type { Sensitivity, GroupSensitivity, SensitivityPoint } from './core/sensitivity';
export type { ScanOptions, WidthOptions } from './methods/scan';
export { toHtml } from './report/html/page';
export { plotReport, plotPlan, type Plot } from './report/plots';
export { plotTraining } from './report/training';
export { plotImportance } from './report/importance';
export { plotLines, type Series, type LineOptions } from './report/drawing/lines';
export { toPng, type PngOptions } from './runtime/png';
export type { Account } from './report/account';
export { parseReport, parseSensitivity } from './report/reportFile';
export { measureLatency } from './report/latency';
export type { Report, Stage, Cost, Latency, Timing } from './report/report';
export type { GammaHistory } from './core/gammas';
export type { Plan, PlanBlock, PlanGroup, PlanSite, PlanCost, CoupledSite } from './edit/plan';
export type { Edits } from './edit/apply';
export type { Removed, RemovedSlice } from './edit/restore';
export type { Checkpoint } from './core/checkpoint';
export type {
  Context,
  Need,
  Progress,
  Epoch,
  Certificate,
  Teacher,
  FeaturePair,
  Undone,
  RemovedBlock,
  TurnedStream,
} from './core/context';
export type { Measured, Trial, Times, TimeOptions } from './core/timing';
export type { NdArray } from './core/array';

export { saveLayersModel, loadLayersModel, readPlanFile, readReportFile, type SaveOptions } from './runtime/files';
export type { GivenFile } from './io/source';
export { saveKeras, loadKeras } from './runtime/kerasFiles';
export { saveOnnx } from './runtime/onnxFiles';
export { openSafetensors, safetensorsFromBytes, type TensorFiles } from './io/safetensors';
export type { StoredTensor } from './io/safetensorsHeader';
export type { StoredType, FloatType } from './io/dtypes';
export { writeSafetensors, tensorToWrite } from './io/safetensorsWriter';
export type { TensorToWrite, WriteSafetensorsOptions } from './io/safetensorsWriter';
export type { NewFile, WholeFile } from './io/atomic';
export { loadConfig, parseConfig, readConfig, type ModelConfig } from './models/config';
export { llamaConfigJson, type LlamaConfig } from './models/llamaConfig';
export { bertConfigJson, type BertConfig } from './models/bertConfig';
export { vitConfigJson, type VitConfig } from './models/vitConfig';
export type { LayerShape } from './models/layerShape';
export type { ActivationName } from './models/configReader';
export { openLlama2c, llama2cFromBytes, type Llama2c } from './models/llama2c';
export { loadTokenizer, parseTokenizer } from './models/tokenizer';
export type { Tokenizer, SpecialOptions } from './models/tokens';
export { vocabularyOf, pruneTokenizer, remapTokens } from './models/vocabulary';
export type { Corpus, VocabularyOptions, PrunedTokenizer } from './models/vocabulary';
export { pruneVocabulary, type PruneVocabularyOptions, type PrunedVocabulary } from './models/pruneVocabulary';
export { pruneFiles, type PruneFilesOptions, type PrunedFiles } from './models/pruneFiles';
export { matchTensors } from './models/tensorTable';
export { loadLlama, loadBert, loadVit, type Loaded, type TokenizerOptions } from './models/load';
export { createLlama, createBert, type CreateOptions } from './models/create';
export { saveHuggingFace, type SaveHuggingFaceOptions } from './models/save';
export type { LlamaOptions } from './models/llama';
export type { BertOptions, BertHead } from './models/bert';
export type { VitOptions, VitHead } from './models/vit';
export { generate, generateBatch, generateTokens, type GenerateOptions } from './runtime/generate';
export { perplexity, type Perplexity, type PerplexityOptions } from './runtime/perplexity';
export { tokenWindows, type TokenWindows } from './models/tokenWindows';
export { padTokens, type PadTokensOptions } from './models/padTokens';
export { sentenceEmbeddings } from './runtime/sentenceEmbeddings';
export type { PredictOptions } from './runtime/predict';
export { hiddenStates } from './runtime/hiddenStates';
export { provenanceOf } from './report/provenance';
export { provenanceFrom, type Provenance } from './core/provenance';
export { parsePlan } from './edit/planFile';
export { runFolder } from './io/runFolder';
export type { RunStore } from './core/store';
export { PruneError, type PruneErrorCode } from './core/errors';
