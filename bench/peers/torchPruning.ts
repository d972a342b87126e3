/** torch-pruning as a peer. */
import { join } from 'node:path';
import { startPeer, type Peer } from './peer';

/** What torchPruning.py answers: seconds, and parameters. */
export interface TorchRun {
  readonly model: string;
  readonly build: number;
  readonly step: number;
  readonly seconds: number;
  /** Of the processor. */
  readonly cpu: number;
  readonly before: number;
  readonly after: number;
}

export type TorchPruning = Peer<Readonly<Record<string, string>>, TorchRun>;

/** Starts it with one thread on the Python at path `python`. */
export function startTorchPruning(python: string): Promise<TorchPruning> {
  return startPeer(python, [join(__dirname, 'torchPruning.py')], { OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' });
}
