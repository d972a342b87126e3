/** How far what a student says lies from what its teacher would say. */
import { div, exp, logSoftmax, mul, slice, sub, sum, tensor2d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { generateBatch } from 'tfjs-prune';
import type { Language } from './language';

const [TEXTS, PROMPT, WRITTEN] = [64, 8, 48];

/**
 * In nats a token. Reverse: Kullback-Leibler divergence KL(student || teacher), summed over the vocabulary at each of 48 tokens of 64 texts
 * that the student writes behind 8 tokens that were not trained on. Forward: KL(teacher || student) at each token of those windows
 * themselves. And the share of pairs of tokens in its texts that differ: a student that always writes the same has a small reverse divergence, too.
 */
export async function divergencesOf(
  { model: teacher, data, seed }: Language,
  student: LayersModel,
): Promise<Record<string, number>> {
  const { data: held, shape: [windows, window] } = data.validation.inputs; // prettier-ignore
  const apart = Math.floor((held.length - PROMPT) / (TEXTS - 1));
  const prompts = Array.from({ length: TEXTS }, (_, i) => [...held.subarray(i * apart, i * apart + PROMPT)]);
  const written = await generateBatch(student, prompts, { maxTokens: WRITTEN, temperature: 1, seed });
  const texts = prompts.map((prompt, i) => [...prompt, ...written[i]]);
  const read = texts.flatMap(text => text.slice(0, -1)); // behind the last token nothing is foretold
  const length = PROMPT + WRITTEN - 1;
  const pairs = written.flatMap(text => text.slice(1).map((token, at) => `${text[at]} ${token}`));
  return {
    'reverse divergence': await divergence(student, teacher, tensor2d(read, [TEXTS, length], 'int32'), PROMPT - 1),
    'forward divergence': await divergence(teacher, student, tensor2d(held, [windows, window], 'int32'), 0),
    'different pairs %': (100 * new Set(pairs).size) / pairs.length,
  };
}

/** Mean of KL(p || q) over the places of `texts` from the place `from` on; the texts are freed. */
async function divergence(p: LayersModel, q: LayersModel, texts: Tensor, from: number): Promise<number> {
  const mean = tidy(() => {
    const [logP, logQ] = [p, q].map(model => logSoftmax(slice(model.predict(texts) as Tensor, [0, from, 0])));
    const places = logP.shape[0] * logP.shape[1]!;
    return div(sum(mul(exp(logP), sub(logP, logQ))), places);
  });
  const [value] = await mean.data();
  [texts, mean].forEach(each => each.dispose());
  return value;
}
