/** Reads a config.json key by key, and refuses in the end what nobody has read. */
import { describe, type Json, type Refuse } from '../core/json';

/** Keys that are null count as absent, as `transformers` has it. */
export interface ConfigReader {
  readonly refuse: Refuse;
  readonly value: (key: string) => unknown;
  /** Whether the key is there, be it as null. */
  readonly has: (key: string) => boolean;
  /** A whole number of at least `least`, 1 unless told; without a `fallback` it has to be there. */
  readonly integer: (key: string, fallback?: number, least?: number) => number;
  /** A positive number. */
  readonly number: (key: string, fallback?: number) => number;
  readonly flag: (key: string, fallback: boolean) => boolean;
  /** What one of the words means. */
  readonly word: <T>(key: string, meanings: Readonly<Record<string, T>>, fallback: string) => T;
  /** For what is supported in one way only: absent, or one of `values`. */
  readonly only: (key: string, values: readonly unknown[], cure?: string) => void;
  /** @throws what `refuse` throws for a key that was neither read nor is among `harmless`. */
  readonly finish: (harmless: readonly string[]) => void;
}

/** Keys that change no output of a model that is not being trained by `transformers` itself. */
export const HARMLESS: readonly string[] = [
  '_attn_implementation',
  '_attn_implementation_autoset',
  '_from_model_config',
  '_name_or_path',
  '_num_labels',
  'architectures',
  'attention_dropout',
  'attention_probs_dropout_prob',
  'chunk_size_feed_forward',
  'classifier_dropout',
  'dtype',
  'finetuning_task',
  'gradient_checkpointing',
  'hidden_dropout_prob',
  'initializer_range',
  'output_attentions',
  'output_hidden_states',
  'output_past',
  'pretraining_tp',
  'problem_type',
  'return_dict',
  'torch_dtype',
  'torchscript',
  'transformers_version',
  'use_cache',
];

/** Activations by the names that `transformers` gives them. */
export const ACTIVATIONS = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_new: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  relu: 'relu',
  tanh: 'tanh',
} as const;

/** `gelu` is the exact one, `geluTanh` its usual approximation. */
export type ActivationName = (typeof ACTIVATIONS)[keyof typeof ACTIVATIONS];

export function configReader(json: Json, refuse: Refuse): ConfigReader {
  const seen = new Set<string>();
  const value = (key: string): unknown => {
    seen.add(key);
    return Object.hasOwn(json, key) ? (json[key] ?? undefined) : undefined;
  };
  const read = <T>(key: string, fallback: T | undefined, expected: string, fits: (got: unknown) => boolean): T => {
    const got = value(key) ?? fallback;
    return fits(got) ? (got as T) : refuse(`${key} to be ${expected}`, describe(got));
  };
  return {
    refuse,
    value,
    has: key => Object.hasOwn(json, key),
    finish: harmless => requireKnown(json, new Set([...seen, ...harmless, ...HARMLESS]), refuse),
    integer: (key, fallback, least = 1) =>
      read(
        key,
        fallback,
        `a whole number of at least ${least}`,
        got => Number.isSafeInteger(got) && Number(got) >= least,
      ),
    number: (key, fallback) =>
      read(key, fallback, 'a positive number', got => typeof got === 'number' && Number.isFinite(got) && got > 0),
    flag: (key, fallback) => read(key, fallback, 'true or false', got => typeof got === 'boolean'),
    word: (key, meanings, fallback) => {
      const words = Object.keys(meanings);
      return meanings[read<string>(key, fallback, `one of ${words.join(', ')}`, got => words.includes(got as string))];
    },
    only: (key, values, cure = 'Nothing else is supported.') => {
      const got = value(key);
      if (got === undefined || values.some(each => JSON.stringify(each) === JSON.stringify(got))) return;
      refuse(`${key} to be ${[...values, null].map(describe).join(' or ')}`, describe(got), cure);
    },
  };
}

function requireKnown(json: Json, known: ReadonlySet<string>, refuse: Refuse): void {
  const strange = Object.keys(json).filter(key => !known.has(key) && json[key] !== null);
  if (strange.length === 0) return;
  const cure = 'What it changes is not known here; remove it only if you are certain that it changes nothing.';
  refuse('keys that are understood', strange.map(key => `${key} ${describe(json[key])}`).join(', '), cure);
}

/** The ids under `key`: none, one, or a list. */
export function tokenIds({ value, refuse }: ConfigReader, key: string): readonly number[] {
  const got = value(key);
  const ids: unknown[] = got === undefined ? [] : Array.isArray(got) ? got : [got];
  // Some configs write -1 for none.
  if (ids.every(id => Number.isSafeInteger(id))) return (ids as number[]).filter(id => id >= 0);
  return refuse(`${key} to be a token's number`, describe(got));
}

const MOST_LABELS = 1_000_000;

/** The words for the classes, where the config gives any; `num_labels` alone gives numbers. */
export function readLabels(reader: ConfigReader): readonly string[] {
  const { value, refuse } = reader;
  const [names, numbers] = [value('id2label'), value('label2id')];
  const count = reader.integer('num_labels', names === undefined ? 2 : Object.keys(Object(names) as object).length, 0);
  if (count > MOST_LABELS) refuse(`num_labels of at most ${MOST_LABELS}`, String(count));
  const expected = Array.from({ length: count }, (_, i) => String(i));
  if (names === undefined) return expected.map(id => `LABEL_${id}`);
  const labels = Object(names) as Record<string, unknown>;
  const sound = Object.keys(labels).length === count && expected.every(id => typeof labels[id] === 'string');
  if (!sound) return refuse(`id2label with a word for each of 0 to ${count - 1}`, describe(names));
  const list = expected.map(id => labels[id] as string);
  const differs = Object.entries(Object(numbers) as object).some(([word, id]) => list[id as number] !== word);
  return differs ? refuse('label2id to be id2label the other way round', describe(numbers)) : list;
}
