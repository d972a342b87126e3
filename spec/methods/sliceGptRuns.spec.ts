/** SliceGPT in whole runs: what is told, what can follow, what is refused. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import {
  addLora,
  applyPlan,
  capture,
  chain,
  fineTune,
  formatPlan,
  formatReport,
  generate,
  hiddenStates,
  layerDrop,
  lastBlocks,
  loadBert,
  loadLayersModel,
  loadLlama,
  magnitude,
  mergeLora,
  parsePlan,
  perplexity,
  prune,
  repair,
  saveHuggingFace,
  saveLayersModel,
  sliceGpt,
  uniform,
  useBackend,
  type Data,
  type Progress,
  type SliceGptOptions,
} from 'tfjs-prune';
import { type NdArray } from '../../lib/core/array';
import { leaves, weightsOf } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { predict } from '../../lib/runtime/predict';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { fixture, integers } from '../models/fixtures';
import { withoutLeak } from '../runtime/help';
import { refusal, rejection } from '../zoo/refusal';
import { memoryStore } from '../zoo/store';
import { streamNet } from '../zoo/streams';

import { answers, asked, data, llama, logitsOf, pathsOf, run, texts, type All } from './sliced';

beforeAll(() => useBackend(WASM));
afterAll(removeFolders);

describe('a model that was cut', () => {
  let net: LayersModel;
  let model: LayersModel;
  let plan: Awaited<ReturnType<typeof run>>['plan'];
  let report: Awaited<ReturnType<typeof run>>['report'];
  beforeAll(async () => {
    net = await llama('llama-tied');
    ({ model, plan, report } = await run(net, sliceGpt({ ratio: 0.25, multipleOf: 4 })));
  });
  afterAll(() => [net, model].forEach(each => each.dispose()));

  test('has stock layers beside its branches, and norms that count the old width', async () => {
    const checkpoint = await capture(model);
    const specs = new Map(leaves(checkpoint.topology).map(({ path, spec }) => [path, spec]));
    expect(specs.get('embed_tokens')).toMatchObject({ className: 'Embedding', config: { outputDim: 12 } });
    expect(specs.get('layers_0_attention_add_shortcut')).toMatchObject({ className: 'Dense', config: { units: 12, useBias: false, activation: 'linear' } }); // prettier-ignore
    expect(weightsOf(checkpoint, 'layers_1_feed_forward_add_shortcut')[0].shape).toEqual([12, 16]);
    expect(specs.get('layers_1_attention_norm')!.config).toMatchObject({ width: 16 });
    expect(specs.get('lm_head')).toMatchObject({ className: 'Dense', config: { units: 19 } });
    const first = leaves((await capture(net)).topology).map(({ path }) => path);
    expect(pathsOf(checkpoint).filter(path => !path.endsWith('_shortcut') && path !== 'lm_head')).toEqual(first);
  });

  test('goes on token by token as it does at once', async () => {
    const tokens = await generate(model, [1, 2, 3], { maxTokens: 8 });
    let all = [1, 2, 3];
    for (const token of tokens) {
      const [{ data: logits }] = await predict(model, [integers([all])]);
      const last = logits.subarray(logits.length - 19);
      expect(last[token]).toBeCloseTo(Math.max(...last), 4);
      all = [...all, token];
    }
    const { tokens: count, nats } = await perplexity(model, answers.texts.flat(), { window: 12 });
    expect([count, nats > 0]).toEqual([119, true]);
  });

  test('shows what its streams hold', async () => {
    const states = await hiddenStates(model, asked);
    expect(states.map(({ shape }) => shape[2])).toEqual([12, 12, 16, 16]);
  });

  test('is saved and loaded', async () => {
    const folder = newFolder();
    await saveLayersModel(model, folder, { plan });
    const loaded = await loadLayersModel(folder);
    expect([...(await capture(loaded)).weights]).toEqual([...(await capture(model)).weights]);
    expect(await logitsOf(loaded)).toEqual(await logitsOf(model));
    expect(loaded.countParams()).toBe(report.after.parameters);
    loaded.dispose();
  });

  test('is no Llama for transformers', async () => {
    const { model: other, config } = await loadLlama(fixture('llama-tied'));
    other.dispose();
    const error = await rejection(saveHuggingFace(model, newFolder(), { config }));
    expect(error.code).toBe('bad-model');
    expect(error.message).toMatch(/"layers_0_attention_add_shortcut": expected to belong to such a model/);
    expect(error.message).toMatch(/saveLayersModel/);
  });

  test('is told by nominal slicing, parameters and MACs apart', () => {
    expect(formatReport(report)).toContain('nominal slicing: -25.0 % of the dimensions of 4 streams (16 to 12)');
    expect(formatReport(report, 'markdown')).toContain('nominal slicing: -25.0 %');
    expect(report.after.parameters / report.before.parameters).toBeGreaterThan(1);
    expect(report.stages.map(({ name }) => name)).toEqual(['dense', 'sliced']);
    expect(report.layers.find(({ layer }) => layer === 'embed_tokens')).toEqual({ layer: 'embed_tokens', before: 16, after: 12 }); // prettier-ignore
  });

  test('has a plan that says so, and that nobody can carry out', async () => {
    expect(plan).toMatchObject({ version: 3, turned: report.turned });
    expect(plan.cost).toBeUndefined();
    expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(JSON.parse(JSON.stringify(plan)));
    expect(formatPlan(plan)).toMatch(/stream turned +width +now[\s\S]*layers_1_attention_norm +16 +12/);
    const error = await rejection(applyPlan(net, plan, { latency: false }));
    expect(error).toMatchObject({
      code: 'bad-plan',
      message: expect.stringMatching(/streams that were turned/) as string,
    });
  });

  test('can be cut again, trained with and without corrections, and pruned', async () => {
    const train = { inputs: texts, targets: texts };
    const again = await run(model, sliceGpt({ ratio: 0.3, multipleOf: 4, sliceHead: true }));
    // The last stream was not cut the first time.
    expect(again.report.turned!.map(({ before, after }) => [before, after])).toEqual([[12, 8], [12, 8], [12, 8], [12, 8], [16, 8]]); // prettier-ignore
    expect(pathsOf(again.checkpoint).filter(path => path.endsWith('_shortcut'))).toHaveLength(4);
    const adapted = await addLora(again.model, { rank: 2 });
    const tuned = await run(adapted, fineTune({ epochs: 1, batchSize: 5 }), { data: { ...data, train } });
    const merged = await mergeLora(tuned.model);
    const heads = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }), groups: ({ kind }) => kind === 'neurons' }); // prettier-ignore
    const pruned = await run(merged, heads);
    expect(pruned.checkpoint.weights.get('layers_0_feed_forward_up')![0].shape).toEqual([8, 10]);
    [again.model, adapted, tuned.model, merged, pruned.model].forEach(each => each.dispose());
  });
});

describe('runs', () => {
  const neurons = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }), groups: ({ kind }) => kind === 'neurons' }); // prettier-ignore
  const method = sliceGpt({ ratio: 0.25, multipleOf: 4 });

  test('of one seed give the same bytes, leak nothing, and leave the model alone', async () => {
    const net = await llama();
    const before = await hashOf(await capture(net));
    const hashes: string[] = [];
    for (const orientation of ['pca', 'pca', 'random', 'random'] as const) {
      await withoutLeak(async () => {
        const { model, checkpoint } = await run(net, sliceGpt({ ratio: 0.25, orientation }), { seed: 3 });
        hashes.push(await hashOf(checkpoint));
        model.dispose();
      });
    }
    expect([hashes[0] === hashes[1], hashes[2] === hashes[3], hashes[0] === hashes[2]]).toEqual([true, true, false]);
    expect(await hashOf(await capture(net))).toBe(before);
    net.dispose();
  });

  test('that were stopped go on; other options are another run', async () => {
    const net = await llama();
    const both = chain<All>(method, neurons);
    const whole = await run(net, both);
    const { store, failAfter } = memoryStore();
    failAfter(2);
    await expect(run(net, both, { resume: store })).rejects.toThrow('the power went');
    failAfter(Infinity);
    const logs: string[] = [];
    const resumed = await run(net, both, { resume: store, log: line => logs.push(line) });
    expect(logs.join()).toContain('sliceGpt(pca): done by the run that was stopped');
    expect(await hashOf(resumed.checkpoint)).toBe(await hashOf(whole.checkpoint));
    expect(resumed.report.turned).toEqual(whole.report.turned);
    const other = chain<All>(sliceGpt({ ratio: 0.25, multipleOf: 2 }), neurons);
    expect((await rejection(run(net, other, { resume: store }))).code).toBe('bad-option');
    [net, whole.model, resumed.model].forEach(each => each.dispose());
  });

  test('behind and before other cuts: the plan tells what went before', async () => {
    const net = await llama();
    const { model, plan } = await run(net, chain<All>(neurons, method, neurons));
    expect(plan.version).toBe(3);
    const inside = plan.groups.find(({ name }) => name === 'layers_0_feed_forward_gate')!;
    expect(inside.removed).toHaveLength(10);
    const shallow = await run(net, chain<All>(layerDrop({ criterion: lastBlocks(), count: 1 }), method));
    expect(shallow.plan).toMatchObject({ version: 3, blocks: [{ branches: ['layers_1_attention_add', 'layers_1_feed_forward_add'] }] }); // prettier-ignore
    expect(shallow.report.turned).toHaveLength(2);
    [net, model, shallow.model].forEach(each => each.dispose());
  });

  test('tell their progress, and can be aborted between streams', async () => {
    const net = await llama();
    const [events, logs] = [[] as Progress[], [] as string[]];
    const stop = new AbortController();
    const progress = (event: Progress): void => {
      if (event.stage !== 'slice streams') return;
      events.push(event);
      if (event.done === 2) stop.abort();
    };
    const before = tf.memory().numTensors;
    expect((await rejection(run(net, method, { progress, signal: stop.signal }))).code).toBe('aborted');
    expect(tf.memory().numTensors).toBe(before);
    expect(events.map(({ done, total }) => [done, total])).toEqual([[1, 4], [2, 4]]); // prettier-ignore
    expect(events[0].detail).toMatch(/^layers_0_attention_norm, 12 of 16, [\d.]+ % of the energy lost$/);
    const { model } = await run(net, method, { log: line => logs.push(line) });
    expect(logs).toContainEqual(expect.stringMatching(/^sliced 4 of 5 streams: dimensions -25.0 %, parameters [\d.-]+ %, MACs -[\d.]+ %$/)); // prettier-ignore
    [net, model].forEach(each => each.dispose());
  });

  test('say when there is too little to measure directions by', async () => {
    const net = await llama();
    const logs: string[] = [];
    const { model } = await run(net, sliceGpt({ ratio: 0.25, batches: 1, batchSize: 1 }), {
      log: line => logs.push(line),
    });
    expect(logs).toContainEqual(
      expect.stringMatching(/^layers_0_attention_norm: 12 places are too few for 16 directions/),
    );
    [net, model].forEach(each => each.dispose());
  });
});

describe('refusals', () => {
  test.each<[Partial<SliceGptOptions>, string, RegExp]>([
    [{ ratio: 1 }, 'bad-ratio', /ratio in \[0, 1\)/],
    [{ multipleOf: 0 }, 'bad-option', /multipleOf/],
    [{ orientation: 'pcs' as 'pca' }, 'bad-option', /pca, random/],
    [{ measure: 'norm' as 'normed' }, 'bad-option', /stream, normed/],
    [{ batches: 0.5 }, 'bad-option', /batches/],
    [{ batchSize: 0 }, 'bad-option', /batchSize/],
  ])('%j', (options, code, message) => {
    const error = refusal(() => sliceGpt({ ratio: 0.2, ...options }));
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  test('a width of nothing', async () => {
    const net = await llama();
    const error = await rejection(run(net, sliceGpt({ ratio: 0.6 })));
    expect(error).toMatchObject({ code: 'empty-group', message: expect.stringMatching(/none of 16, in multiples of 8/) as string }); // prettier-ignore
    net.dispose();
  });

  test('models whose streams cannot be turned, with what is in the way', async () => {
    const image = streamNet('residual');
    const rows = await rejection(run(image, sliceGpt({ ratio: 0.2 }), { data: imagesOf(image) }));
    expect(rows).toMatchObject({ code: 'no-groups', message: expect.stringMatching(/no norm along the last axis/) as string }); // prettier-ignore
    const { model: bert } = await loadBert(fixture('bert'), { head: 'hidden' });
    const inputs = bert.inputs.map(() => integers([[1, 1, 1]]));
    const given: Data = { train: { inputs, targets: hiddenTargets(bert) }, loss: 'meanSquaredError' };
    const shared = await rejection(run(bert, sliceGpt({ ratio: 0.2, shared: true }), { data: given }));
    expect(shared).toMatchObject({ code: 'no-groups', message: expect.stringMatching(/"embeddings_norm" cannot be folded: "layers_0_attention_add" has no weight for each unit/) as string }); // prettier-ignore
    // Each stream by itself is no problem but for the last, which is what comes out.
    const apart = await run(bert, sliceGpt({ ratio: 0.25, multipleOf: 4, sliceHead: true }), { data: given });
    expect(apart.report.turned!.map(({ name }) => name)).not.toContain('layers_1_feed_forward_norm');
    expect(apart.report.turned!.length).toBe(4);
    [image, bert, apart.model].forEach(each => each.dispose());
  });

  test('activations that are no numbers', async () => {
    const net = await llama();
    const layer = net.getLayer('layers_0_attention_output');
    tf.tidy(() => layer.setWeights([tf.fill(layer.getWeights()[0].shape, 3e38)]));
    const error = await rejection(run(net, sliceGpt({ ratio: 0.2 })));
    expect(error).toMatchObject({ code: 'bad-weights', message: expect.stringMatching(/stream of "layers_0_feed_forward_norm"/) as string }); // prettier-ignore
    net.dispose();
  });

  test('what was turned can neither be kept to be restored nor repaired', async () => {
    const net = await llama();
    const events: Progress[] = [];
    const kept = await rejection(run(net, sliceGpt({ ratio: 0.2 }), { keepRemoved: true, progress: event => events.push(event) })); // prettier-ignore
    expect(kept).toMatchObject({ code: 'bad-option', message: expect.stringMatching(/keepRemoved/) as string });
    expect(events.filter(({ stage }) => stage === 'slice streams')).toEqual([]);
    const repaired = await rejection(run(net, repair(sliceGpt({ ratio: 0.2 }))));
    expect(repaired).toMatchObject({ code: 'bad-option', message: expect.stringMatching(/turns streams/) as string });
    net.dispose();
  });
});

function imagesOf({ inputs, outputs }: LayersModel): Data {
  const array = (shape: readonly (number | null)[]): NdArray => {
    const sizes = [2, ...shape.slice(1).map(size => size ?? 4)];
    return { shape: sizes, dtype: 'float32', data: new Float32Array(sizes.reduce((a, b) => a * b, 1)).fill(0.5) };
  };
  return { train: { inputs: array(inputs[0].shape), targets: array(outputs[0].shape) }, loss: 'meanSquaredError' };
}

function hiddenTargets({ outputs }: LayersModel): NdArray {
  const width = outputs[0].shape[2]!;
  return { shape: [1, 3, width], dtype: 'float32', data: new Float32Array(3 * width) };
}
