/** Training, from the options of a command line. */
import type { OptimizerName } from '../core/context';
import type { FineTuneOptions } from '../methods';
import type { Given, Options } from './command';

export const TRAINING: Options = {
  epochs: { value: 'N', help: 'times that every example is seen; default 10' },
  'batch-size': { value: 'N', help: 'examples per step; default 32' },
  'learning-rate': { value: 'R', help: 'at the start, falling to zero; default 0.001 (adam) or 0.01 (momentum)' },
  optimizer: { value: 'NAME', help: 'adam (default) or momentum' },
  fraction: { value: 'F', help: 'train on this share of the examples, in (0, 1]; default 1' },
};

/** What is not told is as the library has it. */
export function trainingFrom({ number, word }: Given): FineTuneOptions {
  return {
    epochs: number('epochs') ?? 10,
    batchSize: number('batch-size'),
    learningRate: number('learning-rate'),
    optimizer: word('optimizer') as OptimizerName | undefined, // checked by the method
    fraction: number('fraction'),
  };
}
