/** Layers of a model as a model: what each computes of the same input is the same. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { callsHolding, excerpt } from '../../lib/edit/excerpt';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { materialize } from '../../lib/runtime/materialize';
import { NETS, NET_NAMES } from '../zoo/nets';

beforeEach(() => void tf.engine().startScope());
afterEach(() => tf.engine().endScope());

async function captured(name: string) {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  return model;
}

test.each(NET_NAMES)('%s: an excerpt for every group, whole and cut, is a model of its own', async name => {
  const model = await captured(name);
  const traced = trace(model);
  for (const { units, frozen } of groupsOf(traced)) {
    if (frozen !== undefined || units.length < 2) continue;
    const places = callsHolding(traced, units);
    expect(places.length).toBeGreaterThan(0);
    const cut = slice(model, traced, new Set(units.slice(1)));
    for (const part of [excerpt(model, traced, places), excerpt(cut, trace(cut), places)]) {
      const built = materialize(part);
      expect(built.outputs).toHaveLength(places.length);
      built.dispose();
    }
  }
});

test('every call computes what it does in the model', async () => {
  const model = await captured('residual');
  const traced = trace(model);
  const group = groupsOf(traced).find(({ name }) => name === 'a')!;
  const places = callsHolding(traced, group.units);
  const [whole, part] = [materialize(model), materialize(excerpt(model, traced, places))];
  const inputs = part.inputs.map(({ shape }) => tf.randomNormal([2, ...(shape.slice(1) as number[])], 0, 1, 'float32', 1)); // prettier-ignore
  const outputs = [part.predict(inputs)].flat();
  places.forEach((place, i) => {
    const expected = whole.getLayer(traced.calls[place].layer).apply(inputs[i]) as tf.Tensor;
    expect(Array.from(outputs[i].dataSync())).toEqual(Array.from(expected.dataSync()));
  });
  [whole, part].forEach(each => each.dispose());
});

test('the layers of a residual stream, and no others', async () => {
  const model = await captured('residual');
  const traced = trace(model);
  const stem = groupsOf(traced).find(({ name }) => name === 'stem')!;
  const layers = new Set(callsHolding(traced, stem.units).map(place => traced.calls[place].layer));
  expect(layers).toContain('stem');
  expect(layers).toContain('add');
  expect(layers).toContain('head');
  expect(layers).not.toContain('x');
});
