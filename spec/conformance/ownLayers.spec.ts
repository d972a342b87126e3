/** Layers of a user's own, made prunable by rules of a user's own: nothing in the library knows attention. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { compress, defineRule, magnitude, prune, PruneError, random, uniform, type Group } from 'tfjs-prune';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { relativeError } from '../../lib/core/array';
import { leaves } from '../../lib/core/checkpoint';
import { mask, slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { CPU_KERNELS } from '../backend';
import { filesUnder, ROOT } from '../house/sources';
import { predictionsOf } from '../zoo/removal';
import { transformer } from '../zoo/transformer';
import { probesOf, randomize } from '../zoo/weights';

beforeAll(() => tf.setBackend(CPU_KERNELS));

const build = () => randomize(transformer());
const isKind = (kind: string) => (group: Group) => group.kind === kind;

test('residual, head and neuron groups appear from the trace', async () => {
  const net = build();
  const found = groupsOf(trace(await capture(net))).map(({ name, kind, units, sites, frozen }) => {
    const layers = [...new Set(sites.map(({ layer }) => layer))].sort().join(' ');
    return [frozen ? `!${name}` : name, kind, units.length, layers];
  });
  net.dispose();
  const blocks = ['block1', 'block2'];
  const inside = ['attention', 'mlp', 'norm1', 'norm2'];
  const stream = ['embed', 'head', 'norm', ...blocks.flatMap(block => inside.map(part => `${block}_${part}`))];
  expect(found.sort()).toEqual(
    [
      ['embed', 'dimensions', 8, stream.sort().join(' ')],
      ...blocks.map(block => [`${block}_attention`, 'heads', 2, `${block}_attention`]),
      ...blocks.map(block => [`${block}_mlp`, 'neurons', 10, `${block}_mlp`]),
      ['!head', 'neurons', 11, 'head'],
    ].sort(),
  );
});

test.each(['dimensions', 'heads', 'neurons'])('%s: sliced equals masked, element by element', async kind => {
  const net = build();
  const probes = probesOf(net, 3);
  const model = await capture(net);
  net.dispose();
  const traced = trace(model);
  const original = predictionsOf(model, probes);
  for (const unit of groupsOf(traced)
    .filter(isKind(kind))
    .flatMap(({ units, frozen }) => (frozen ? [] : units))) {
    const removed = new Set([unit]);
    const [sliced, masked] = [slice(model, traced, removed), mask(model, traced, removed)].map(each => predictionsOf(each, probes)); // prettier-ignore
    expect(relativeError(sliced[0], masked[0])).toBeLessThanOrEqual(1e-5);
    expect(relativeError(masked[0], original[0])).toBeGreaterThan(1e-4);
  }
  tf.dispose(probes);
});

test.each(['dimensions', 'heads', 'neurons'])('compress cuts %s and carries its certificate', async kind => {
  const net = build();
  const cut = prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }), groups: isKind(kind) });
  const { model, report, plan } = await compress(net, cut, { latency: false });
  expect(report.certificates[0].error).toBeLessThanOrEqual(1e-5);
  expect(report.after.parameters).toBeLessThan(report.before.parameters);
  expect(plan.groups.filter(({ removed }) => removed.length > 0).map(group => group.kind)).toEqual(
    kind === 'dimensions' ? [kind] : [kind, kind],
  );
  model.dispose();
  net.dispose();
});

test('all kinds at once, and a second cut on top', async () => {
  const net = build();
  const cut = prune({ criterion: random(), budget: uniform({ ratio: 0.5 }) });
  const first = await compress(net, cut, { latency: false });
  const second = await compress(first.model, prune({ criterion: magnitude(), budget: uniform({ ratio: 0.4, minimum: 1 }) }), { latency: false }); // prettier-ignore
  const { topology } = await capture(second.model);
  const sizes = leaves(topology).flatMap(({ spec }) => (spec.className === 'ZooRmsNorm' ? [spec.config.width] : []));
  expect(new Set(sizes)).toEqual(new Set([8])); // the mean stays over the width there was at first
  for (const model of [first.model, second.model, net]) model.dispose();
});

test('a class has one rule', () => {
  const rule = { className: 'ZooSwiGlu', understands: [], trace: () => ({ outputs: [] }) };
  expect(() => defineRule(rule)).toThrow(PruneError);
  expect(() => defineRule({ ...rule, className: 'Dense' })).toThrow(/"Dense", which has one/);
});

test('graph and edit do not know what attention is', () => {
  const files = [...filesUnder('lib/graph'), ...filesUnder('lib/edit')];
  expect(files.length).toBeGreaterThan(5);
  expect(
    files.filter(file => /attention|\bheads?\b|transformer|\brms/i.test(readFileSync(join(ROOT, file), 'utf8'))),
  ).toEqual([]);
});
