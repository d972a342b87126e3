/** Which token comes next, from the logits of one place. */
import type { Random } from '../core/random';

export interface Choice {
  /** 0 takes the most likely token, the first of several; 1 draws as the model says. */
  readonly temperature: number;
  /** Only the most likely tokens whose probabilities together reach it are drawn from. */
  readonly topP: number;
}

/** A token of `logits`; `draws` is asked once, and not at all at temperature 0. */
export function nextToken(logits: ArrayLike<number>, { temperature, topP }: Choice, draws: Random): number {
  if (temperature === 0) return most(logits);
  const likely = softmax(logits, temperature);
  // Equal ones in the order of their numbers, so that the choice is the same everywhere.
  const order = Array.from(likely, (_, token) => token).sort((a, b) => likely[b] - likely[a] || a - b);
  let total = 0;
  const nucleus = topP < 1 ? order.slice(0, 1 + order.findIndex(token => (total += likely[token]) >= topP)) : order;
  const kept = nucleus.length === 0 ? order : nucleus;
  let left = draws.uniform() * kept.reduce((sum, token) => sum + likely[token], 0);
  return kept.find(token => (left -= likely[token]) < 0) ?? kept[kept.length - 1];
}

function most(logits: ArrayLike<number>): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) if (logits[token] > logits[best]) best = token;
  return best;
}

function softmax(logits: ArrayLike<number>, temperature: number): Float64Array {
  const top = logits[most(logits)];
  const weights = Float64Array.from(logits, logit => Math.exp((logit - top) / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map(weight => weight / sum);
}
