/** The control: any criterion worth its name beats it. */
import { random as stream } from '../core/random';
import { scoreEach, type Criterion } from './criterion';

/** Uniform random scores from the context's seed and the group's name. */
export function random(): Criterion {
  return {
    name: 'random',
    needs: [],
    score: scoreEach((group, _model, seed) => {
      const { uniform } = stream(seed, 'random criterion', group.name);
      return Float64Array.from(group.units, uniform);
    }),
  };
}
