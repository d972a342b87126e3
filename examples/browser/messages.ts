/** What the page and its worker say to each other. */
import type { Latency, Plan, Plot, Report } from 'tfjs-prune';

/** A file, and where it lay in the folder that was chosen. */
export interface Chosen {
  readonly path: string;
  readonly file: File;
}

/** What pixels of 0 to 255 become. */
export type Pixels = '0 to 1' | '-1 to 1' | '0 to 255';

export type CriterionName = 'magnitude' | 'geometricMedian' | 'gamma' | 'taylor' | 'random';
export type BudgetName = 'uniform' | 'global' | 'macs';

export interface Settings {
  readonly criterion: CriterionName;
  readonly budget: BudgetName;
  /** Percent: of units to remove, or of MACs to save. */
  readonly amount: number;
  readonly epochs: number;
}

export type BackendName = 'wasm' | 'webgl' | 'webgpu';

/** A model as plain tf.js loads it. */
export interface ModelFiles {
  readonly json: string;
  readonly weights: ArrayBuffer;
}

export interface ModelInfo {
  readonly name: string;
  readonly input: readonly (number | null)[];
  readonly output: readonly (number | null)[];
  /** A plan that removes nothing: groups, what goes together and why, and the cost. */
  readonly plan: Plan;
  readonly plots: readonly Plot[];
  /** A plan that removes half of every group, for what that saves. */
  readonly half: Plan;
}

export interface DataInfo {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly classes: readonly string[];
}

export interface Outcome {
  readonly report: Report;
  readonly plan: Plan;
  /** The whole account as a page. */
  readonly html: string;
  readonly before: ModelFiles;
  readonly after: ModelFiles;
}

/** Each question with its answer. */
export interface Work {
  model: { question: { readonly files: readonly File[] }; answer: ModelInfo };
  data: { question: { readonly files: readonly Chosen[]; readonly pixels: Pixels }; answer: DataInfo };
  forgetData: { question: Record<never, never>; answer: undefined };
  prune: { question: { readonly settings: Settings }; answer: Outcome };
  time: { question: { readonly backend: BackendName; readonly models: readonly ModelFiles[] }; answer: Latency };
}

export type Question = {
  [K in keyof Work]: { readonly ask: K; readonly id: number } & Work[K]['question'];
}[keyof Work];

export type ToWorker = Question | { readonly ask: 'stop' };

/** `share` in [0, 1], of the step that `text` names. */
export interface Step {
  readonly text: string;
  readonly share: number;
}

/** `code` is that of a PruneError; undefined for what nobody foresaw. */
export interface Failure {
  readonly message: string;
  readonly code?: string;
}

export type FromWorker =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly id: number; readonly step: Step };
