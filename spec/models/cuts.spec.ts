/** Heads, neurons and dimensions of the models of Hugging Face: what is cut equals what is masked, and criteria see tokens. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {
  activation,
  attentionUnits,
  capture,
  compress,
  fisher,
  loadBert,
  loadLlama,
  loadVit,
  magnitude,
  prune,
  taylor,
  uniform,
  wanda,
  type Checkpoint,
  type Data,
  type Group,
} from 'tfjs-prune';
import { relativeError } from '../../lib/core/array';
import { random } from '../../lib/core/random';
import { mask, slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { CPU_KERNELS } from '../backend';
import { predictionsOf } from '../zoo/removal';
import { answersOf, fixture, integers, tensorOf } from './fixtures';

beforeAll(() => tf.setBackend(CPU_KERNELS));

const cases: Readonly<Record<string, { load: () => Promise<Checkpoint>; groups: readonly string[] }>> = {
  'llama-tied': {
    load: () => captured(loadLlama(fixture('llama-tied'))),
    groups: ['!tokens', 'dimensions 16', 'heads 2', 'heads 2', 'neurons 20', 'neurons 20'],
  },
  'llama-untied': {
    load: () => captured(loadLlama(fixture('llama-untied'))),
    groups: ['!neurons', 'dimensions 16', 'heads 2', 'heads 2', 'neurons 20', 'neurons 20'],
  },
  bert: {
    load: () => captured(loadBert(fixture('bert'), { head: 'classifier' })),
    groups: ['!neurons', 'dimensions 16', 'heads 4', 'heads 4', 'neurons 16', 'neurons 20', 'neurons 20'],
  },
  'bert-masked': {
    load: () => captured(loadBert(fixture('bert-masked'), { head: 'maskedLM' })),
    groups: ['!tokens', 'dimensions 16', 'heads 4', 'neurons 20'],
  },
  'bert-untied': {
    load: () => captured(loadBert(fixture('bert-untied'), { head: 'maskedLM' })),
    // What a norm reads counts as dimensions.
    groups: ['!neurons', 'dimensions 16', 'dimensions 16', 'heads 4', 'neurons 20'],
  },
  'vit-pooler': {
    load: () => captured(loadVit(fixture('vit-pooler'), { head: 'pooler' })),
    groups: ['!features', '!neurons', 'dimensions 16', 'heads 4', 'neurons 20'],
  },
  vit: {
    load: () => captured(loadVit(fixture('vit'))),
    groups: ['!features', '!neurons', 'dimensions 16', 'heads 4', 'heads 4', 'neurons 20', 'neurons 20'],
  },
};

describe.each(Object.keys(cases))('%s', name => {
  const { load, groups } = cases[name];

  test('its groups', async () => {
    const found = groupsOf(trace(await load())).map(({ kind, units, frozen }) => (frozen ? `!${kind}` : `${kind} ${units.length}`)); // prettier-ignore
    expect(found.sort()).toEqual(groups);
  });

  test.each(['heads', 'dimensions', 'units'] as const)(
    'with %s of attention: sliced equals masked, unit by unit',
    async units => {
      const model = units === 'units' ? await load() : attentionUnits(await load(), units);
      const kinds =
        units === 'units' ? /^(neurons|dimensions)$/ : units === 'heads' ? /^heads$/ : /(query|value) dimensions/;
      const probes = probesFor(name);
      const traced = trace(model);
      const original = predictionsOf(model, probes);
      const free = groupsOf(traced).filter(({ kind, frozen }) => frozen === undefined && kinds.test(kind));
      expect(free.length).toBeGreaterThan(0);
      for (const unit of free.flatMap(({ units: all }) => all.filter((_, i) => i % 3 === 0))) {
        const removed = new Set([unit]);
        const sliced = predictionsOf(slice(model, traced, removed), probes);
        const masked = predictionsOf(mask(model, traced, removed), probes);
        expect(relativeError(sliced[0], masked[0])).toBeLessThanOrEqual(1e-5);
        expect(relativeError(masked[0], original[0])).toBeGreaterThan(1e-5);
      }
      tf.dispose(probes);
    },
  );
});

test.each([
  ['taylor', () => taylor()],
  ['fisher', () => fisher()],
  ['activation', () => activation()],
  ['wanda', () => wanda()],
  ['magnitude', () => magnitude()],
])('%s cuts a Llama by texts, with a certificate and a loss', async (_, criterion) => {
  const { model: dense } = await loadLlama(fixture('llama-tied'));
  const { model, report, plan } = await compress(
    dense,
    prune<'data' | 'gradients'>({ criterion: criterion(), budget: uniform({ ratio: 0.5 }) }),
    { data: texts(), latency: false },
  );
  expect(report.certificates[0].error).toBeLessThanOrEqual(1e-5);
  // Heads and neurons of two layers, and the dimensions of the stream.
  expect(plan.groups.filter(({ removed }) => removed.length > 0)).toHaveLength(5);
  const [before] = report.stages;
  // The cross-entropy of random weights, per token.
  expect(before.loss).toBeCloseTo(await natsOf(dense), 4);
  dense.dispose();
  model.dispose();
});

test('a head whose output nobody hears scores lowest, and its group goes', async () => {
  const { model } = await loadLlama(fixture('llama-tied'));
  // Rows 8 .. 15 are read from query heads 2 and 3, which hear key and value head 1.
  const output = model.getLayer('layers_0_attention_output');
  const [kernel] = output.getWeights();
  const silenced = tf.tidy(() =>
    tf.mul(
      kernel,
      tf.tensor2d(
        Array.from({ length: 16 }, (_, row) => (row < 8 ? 1 : 0)),
        [16, 1],
      ),
    ),
  );
  output.setWeights([silenced]);
  silenced.dispose();
  const groups = ({ kind, name }: Group): boolean => kind === 'heads' && name.includes('layers_0');
  for (const criterion of [taylor(), fisher()]) {
    const cut = prune({ criterion, budget: uniform({ ratio: 0.5 }), groups });
    const { model: small, plan, report } = await compress(model, cut, { data: texts(), latency: false });
    expect(plan.groups.flatMap(({ removed }) => removed)).toHaveLength(1);
    const [before, ...after] = report.stages.map(({ loss }) => loss!);
    expect(after[after.length - 1]).toBeCloseTo(before, 5);
    small.dispose();
  }
  model.dispose();
});

async function captured(loading: ReturnType<typeof loadLlama | typeof loadBert | typeof loadVit>): Promise<Checkpoint> {
  const { model } = await loading;
  const checkpoint = await capture(model);
  model.dispose();
  return checkpoint;
}

function probesFor(name: string): tf.Tensor[] {
  const answers = answersOf(name);
  if (name === 'vit') return [tf.tensor4d([...answers.image], [2, 12, 12, 2])];
  if (name === 'vit-pooler') return [tf.tensor4d([...answers.image], [2, 8, 8, 1])];
  const rows = name.startsWith('bert') ? [answers.tokens, answers.mask, answers.types] : [answers.tokens];
  return rows.map(each => tensorOf(integers(each)));
}

/** Texts and, as targets, the same one token later. */
function texts(): Data {
  const { integer } = random(8, 'texts');
  const rows = Array.from({ length: 6 }, () => Array.from({ length: 8 }, () => integer(19)));
  const train = {
    inputs: integers(rows.map(row => row.slice(0, -1))),
    targets: integers(rows.map(row => row.slice(1))),
  };
  return { train, loss: 'sparseCategoricalCrossentropy' };
}

async function natsOf(model: Awaited<ReturnType<typeof loadLlama>>['model']): Promise<number> {
  const { train } = texts();
  const [logits] = predictionsOf(await capture(model), [tensorOf(train.inputs as never)]);
  const targets = (train.targets as ReturnType<typeof integers>).data;
  const nats = Array.from(targets, (target, i) => {
    const row = Array.from(logits.subarray(19 * i, 19 * (i + 1)));
    return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[target];
  });
  return nats.reduce((sum, value) => sum + value, 0) / nats.length;
}
