/**
 * report: what a compression did, as data and as text. Reads core, rules and graph; knows nothing of methods.
 * This file: the data.
 */
import type { Certificate, RemovedBlock, Score, TurnedStream, Undone } from '../core/context';
import type { GammaHistory } from '../core/gammas';
import type { InputSizes } from '../core/shapes';

/** `units` are removable structures (channels, neurons); `macs` multiply-accumulates per example; `bytes` of the stored weights. */
export interface Cost {
  readonly units: number;
  readonly parameters: number;
  /** Undefined when an input size is unknown: null in the model's input shape, and there are no examples. */
  readonly macs: number | undefined;
  readonly bytes: number;
}

export interface Stage extends Cost, Partial<Score> {
  readonly name: string;
  /** Milliseconds of one forward pass; weights of the shapes of that stage, not its numbers, were timed. */
  readonly latency?: number;
}

/** Milliseconds of one forward pass. */
export interface Timing {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Both models timed in turn in one run, after warming up. */
export interface Latency {
  readonly backend: string;
  readonly batch: number;
  readonly runs: number;
  readonly before: Timing;
  readonly after: Timing;
  /** Median of the ratios before / after of neighbouring runs. */
  readonly speedup: number;
}

/** Width of one layer's output before and after. */
export interface LayerWidth {
  readonly layer: string;
  readonly before: number;
  readonly after: number;
}

export interface Report {
  readonly method: string;
  readonly seed: number;
  readonly backend: string;
  /** Which split the scores are measured on; undefined without data. */
  readonly split?: 'train' | 'validation' | 'test';
  readonly before: Cost;
  readonly after: Cost;
  /** Shapes of the training data's inputs, for which `macs` counts; absent where the model leaves no size open, and without data. */
  readonly example?: InputSizes;
  readonly stages: readonly Stage[];
  readonly layers: readonly LayerWidth[];
  /** Residual blocks that are gone, in the order of their going; absent where none went. */
  readonly blocks?: readonly RemovedBlock[];
  /** Streams that were turned and cut, in the order of running; absent where none was. */
  readonly turned?: readonly TurnedStream[];
  readonly certificates: readonly (Certificate & { readonly place: string })[];
  /** One for each training with L1 on gamma; absent where there was none. */
  readonly gammas?: readonly GammaHistory[];
  readonly latency?: Latency;
  /** Steps that a guard took back; nothing else in the report knows of them. */
  readonly undone?: readonly Undone[];
}
