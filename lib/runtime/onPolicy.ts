/** Losses of a student on texts that it wrote itself, or that were written for it. */
import * as tf from '@tensorflow/tfjs-core';
import type { OnPolicyLoss } from '../core/context';
import { divergence, oneHot } from './loss';
import type { Rollout } from './rollout';

/** What each token of some texts weighs; all `[rows, length]`, and 0 behind the end of a row. */
export interface Weighed {
  /** 1 on tokens of the text. */
  readonly mask: Float32Array;
  /** How much likelier the student was to write the token than what it was drawn from was. */
  readonly importance: Float32Array;
  /** How much better than wanted the texts go on behind the token. */
  readonly advantage: Float32Array;
}

/**
 * Importance weights q / (mix p + (1 - mix) q), and as advantage of a token what follows it: the sum of log p - log q over later tokens of
 * its row, divided by how many they are. Paper: Gu et al. 2023, MiniLLM, 2306.08543, section 2.2.
 * Differs: as in the paper, the prefix's weights are left out.
 */
export function weigh(
  { rows, length, lengths, student, teacher }: Rollout,
  { mix, lengthNormalization }: Pick<OnPolicyLoss, 'mix' | 'lengthNormalization'>,
): Weighed {
  const [mask, importance, advantage] = Array.from({ length: 3 }, () => new Float32Array(rows * length));
  for (let row = 0; row < rows; row++) {
    let later = 0;
    for (let place = lengths[row] - 1; place >= 0; place--) {
      const i = row * length + place;
      const left = lengths[row] - place - 1;
      mask[i] = 1;
      importance[i] = 1 / (mix * Math.exp(teacher[i] - student[i]) + (1 - mix));
      advantage[i] = lengthNormalization ? later / Math.max(1, left) : later;
      later += teacher[i] - student[i];
    }
  }
  return { mask, importance, advantage };
}

/** Logarithms of probabilities `[rows, length, vocabulary]` at the places whose tokens follow a prompt of `prompt` tokens. */
export function foretold(logits: tf.Tensor, prompt: number): tf.Tensor {
  const [rows, time, size] = logits.shape;
  return tf.logSoftmax(tf.slice(logits, [0, prompt - 1, 0], [rows, time - prompt + 1, size]));
}

/** `[rows, length]`: the logarithm of the probability of each token of `tokens`, `[rows, length]`. */
export function ofTokens(logProbabilities: tf.Tensor, tokens: tf.Tensor): tf.Tensor {
  return tf.sum(tf.mul(logProbabilities, oneHot(tokens, logProbabilities.shape)), -1);
}

/** What the student's loss is made of; `q` and `p` `[rows, length, vocabulary]`, the others `[rows, length]`. */
export interface Texts {
  readonly q: tf.Tensor;
  readonly p: tf.Tensor;
  readonly tokens: tf.Tensor;
  /** The student's `log q` of the tokens when they were written. */
  readonly before: tf.Tensor;
  readonly mask: tf.Tensor;
  readonly importance: tf.Tensor;
  readonly advantage: tf.Tensor;
}

/**
 * Mean over tokens of the reverse divergence at each place, weighted by importance (the single-step term), and, with `longTerm`, of the
 * clipped policy loss of what follows.
 * Paper: MiniLLM, 2306.08543, equations 3 to 5 and algorithm 1.
 * Differs: the gradient through the importance weights is none, as they are of the student that wrote.
 */
export function miniLlmLoss(texts: Texts, { longTerm, clip }: Pick<OnPolicyLoss, 'longTerm' | 'clip'>): tf.Scalar {
  const { q, p, mask, importance } = texts;
  const single = tf.mul(divergence(q, p), importance);
  const perToken = longTerm ? tf.add(single, policyLoss(texts, clip)) : single;
  return meanOver(perToken, mask);
}

function policyLoss({ q, tokens, before, importance, advantage }: Texts, clip: number): tf.Tensor {
  const ratio = tf.mul(tf.exp(tf.sub(ofTokens(q, tokens), before)), importance);
  const gain = tf.mul(ratio, advantage);
  return tf.neg(tf.minimum(gain, tf.mul(tf.clipByValue(ratio, 1 - clip, 1 + clip), advantage)));
}

/** Of `[rows, length]` where `mask` is 1. */
export function meanOver(values: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  return tf.div(tf.sum(tf.mul(values, mask)), tf.sum(mask));
}
