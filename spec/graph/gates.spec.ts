import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { relativeError } from '../../lib/core/array';
import { mask } from '../../lib/edit/slice';
import { gatesOf, readsOf } from '../../lib/graph/gates';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { probeInputs } from '../../lib/runtime/probes';
import { toTensor } from '../../lib/runtime/tensors';
import { CPU_KERNELS } from '../backend';
import { gatedPredictions } from '../zoo/gated';
import { NET_NAMES, NETS } from '../zoo/nets';
import { predictionsOf } from '../zoo/removal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

// Conv3DTranspose is wrong in stock WASM.
beforeAll(() => tf.setBackend(CPU_KERNELS));

test.each([
  ['SimpleRNN', 1],
  ['GRU', 3],
  ['LSTM', 4],
] as const)('the state of a %s is not read from an input, even where that holds the same units', (className, gates) => {
  const net = functional(
    [
      input('x', [4, 2]),
      layer('Dense', 'a', { units: 3 }, ['x']),
      layer(className, 'cells', { units: 3, returnSequences: true }, ['a']),
      layer('Add', 'sum', {}, ['a', 'cells']),
      layer('Dense', 'head', { units: 1 }, ['sum']),
    ],
    ['head'],
  );
  const cells = [[3, 3 * gates], [3, 3 * gates], [3 * gates]];
  const traced = trace(checkpoint(net, { a: [[2, 3], [3]], cells, head: [[3, 1], [1]] }));
  const group = groupsOf(traced).find(({ name }) => name === 'a')!;
  expect(group.frozen).toBeUndefined();
  expect(group.sites.map(({ parameter }) => parameter)).toContain('recurrentKernel');
  expect(gatesOf(traced, group)).toBeUndefined();
  expect(readsOf(traced, group)).toBeUndefined();
});

test.each(NET_NAMES)('%s: gates turned to 0 are a mask', async name => {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  const built = materialize(model);
  const probes = probeInputs(built, 1, 3).map(toTensor);
  built.dispose();
  const traced = trace(model);
  for (const group of groupsOf(traced).filter(({ frozen }) => frozen === undefined)) {
    const gates = gatesOf(traced, group);
    if (gates === undefined) continue;
    for (const unit of [0, group.units.length - 1]) {
      const gated = gatedPredictions(model, probes, gates, unit, 0);
      const masked = predictionsOf(mask(model, traced, new Set([group.units[unit]])), probes);
      masked.forEach((values, i) => expect(relativeError(gated[i], values)).toBeLessThanOrEqual(1e-5));
    }
  }
  tf.dispose(probes);
});

test('a product that is called with other units as well has no gate', () => {
  const net = (other: readonly [string, string]) =>
    functional(
      [
        input('x', [2]),
        ...['a', 'b', 'c', 'd'].map(name => layer('Dense', name, { units: 3 }, ['x'])),
        layer('Dot', 'product', { axes: -1 }, ['a', 'b'], [...other]),
        layer('Dense', 'head', { units: 1 }, ['product']),
      ],
      ['head'],
    );
  const shapes = { a: [[2, 3], [3]], b: [[2, 3], [3]], c: [[2, 3], [3]], d: [[2, 3], [3]], head: [[1, 1], [1]] };
  const found = (other: readonly [string, string]): unknown => {
    const traced = trace(checkpoint(net(other), shapes));
    const group = groupsOf(traced).find(({ name }) => name === 'a')!;
    return gatesOf(traced, group)?.map(({ layer, input, axis }) => [layer, input, axis]);
  };
  expect(found(['b', 'a'])).toEqual([['product', 0, 1], ['product', 1, 1]]); // prettier-ignore
  expect(found(['c', 'd'])).toBeUndefined();
});
