/** What was cut away comes back, and what was learnt since stays. */
import fc from 'fast-check';
import '@tensorflow/tfjs-backend-cpu';
import { sizeOf, type NdArray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { hashOf } from '../../lib/core/hash';
import { composeSteps, describeCut, type PlanSite } from '../../lib/edit/plan';
import { composeSlices, putBack, takeSlices, type Removed, type RemovedSlice } from '../../lib/edit/restore';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { build, recipes } from '../zoo/random';
import { refusal } from '../zoo/refusal';
import { randomRemoval } from '../zoo/removal';

interface Cut {
  readonly small: Checkpoint;
  readonly sites: readonly PlanSite[];
  readonly groups: ReturnType<typeof describeCut>['groups'];
  readonly slices: readonly RemovedSlice[];
}

function cutAtRandom(model: Checkpoint, seed: number): Cut {
  const traced = trace(model);
  const all = groupsOf(traced);
  const removed = randomRemoval(all, seed);
  const { sites, groups } = describeCut(all, traced, removed);
  return { small: slice(model, traced, removed), sites, groups, slices: takeSlices(model, sites) };
}

async function captured(name: string): Promise<Checkpoint> {
  const net = NETS[name]();
  try {
    return await capture(net);
  } finally {
    net.dispose();
  }
}

/** Every weight the same number: it tells which model a value comes from. */
function filled(model: Checkpoint, value: number): Checkpoint {
  const fill = (array: NdArray): NdArray => ({ ...array, data: array.data.slice().fill(value) });
  return { ...model, weights: new Map([...model.weights].map(([path, arrays]) => [path, arrays.map(fill)])) };
}

/** The index along each axis of element `i`. */
function indexOf(i: number, shape: readonly number[]): number[] {
  return shape.map((size, axis) => Math.floor(i / sizeOf(shape.slice(axis + 1))) % size);
}

/** Two cuts with training after each: the composed slices and the model that is left. */
function twice(
  model: Checkpoint,
  seed: number,
): { small: Checkpoint; first: Cut; sites: readonly PlanSite[]; removed: Removed } {
  // prettier-ignore
  const first = cutAtRandom(filled(model, 1), seed);
  const second = cutAtRandom(filled(first.small, 2), seed + 1);
  const { sites } = composeSteps([first, second]);
  const removed = composeSlices(second.small, [first, second], model.topology, sites);
  return { small: filled(second.small, 3), first, sites, removed };
}

function requireOrigins(model: Checkpoint, seed: number): void {
  const { small, first, sites, removed } = twice(model, seed);
  const restored = putBack(small, sites, removed);
  expect(restored.topology).toBe(model.topology);
  const lostAt = (from: readonly PlanSite[], path: string, weight: number, index: readonly number[]): boolean =>
    from.some(site => site.layer === path && site.weight === weight && !site.kept.includes(index[site.axis]));
  for (const [path, arrays] of restored.weights) {
    arrays.forEach(({ shape, data }, weight) => {
      expect(shape).toEqual(model.weights.get(path)![weight].shape);
      data.forEach((value, i) => {
        const index = indexOf(i, shape);
        const origin = lostAt(first.sites, path, weight, index) ? 1 : lostAt(sites, path, weight, index) ? 2 : 3;
        if (value !== origin) throw new Error(`${path}.${weight} [${index.join()}]: ${value} instead of ${origin}`);
      });
    });
  }
}

describe.each(NET_NAMES)('%s', name => {
  test('comes back byte for byte', async () => {
    const model = await captured(name);
    const { small, sites, slices } = cutAtRandom(model, 3);
    const restored = putBack(small, sites, { topology: model.topology, slices });
    expect(await hashOf(restored)).toBe(await hashOf(model));
    expect(restored).toEqual(model);
    expect(putBack(small, [...sites].reverse(), { topology: model.topology, slices })).toEqual(model);
    const kept = [...small.weights.values()].flat().reduce((sum, { data }) => sum + data.length, 0);
    const lost = slices.reduce((sum, { values }) => sum + values.data.length, 0);
    expect(kept + lost).toBe([...model.weights.values()].flat().reduce((sum, { data }) => sum + data.length, 0));
  });

  test('after two cuts with training between, every value is the one that was cut or learnt last', async () => {
    requireOrigins(await captured(name), 5);
  });
});

test('random architectures come back, after one cut and after two', async () => {
  let cuts = 0;
  await fc.assert(
    fc.asyncProperty(recipes(6), fc.nat({ max: 1000 }), async (recipe, seed) => {
      const net = build(recipe);
      const model = await capture(net);
      net.dispose();
      const { small, sites, slices } = cutAtRandom(model, seed);
      cuts += sites.length > 0 ? 1 : 0;
      expect(await hashOf(putBack(small, sites, { topology: model.topology, slices }))).toBe(await hashOf(model));
      requireOrigins(model, seed);
    }),
    { numRuns: 60 },
  );
  expect(cuts).toBeGreaterThan(30);
});

describe('what does not belong together is refused', () => {
  const complaint = async (change: (cut: Cut & Removed) => Partial<Cut & Removed>) => {
    const model = await captured('residual');
    const cut = { ...cutAtRandom(model, 2), topology: model.topology };
    expect(new Set(cut.sites.map(({ layer }) => layer))).toContain('stem');
    const { small, sites, slices, topology } = { ...cut, ...change(cut) };
    return refusal(() => putBack(small, sites, { topology, slices }));
  };

  test('the whole model instead of the small one', async () => {
    const whole = await captured('residual');
    const error = await complaint(() => ({ small: whole }));
    expect(error.code).toBe('bad-plan');
    expect(error.message).toContain('Give restore the small model');
  });

  test('another model', async () => {
    const other = await captured('denseBlock');
    expect((await complaint(() => ({ small: other }))).message).toContain('layers of the original only, got "c1"');
  });

  test('a layer that is missing', async () => {
    const error = await complaint(({ small }) => {
      const weights = new Map(small.weights);
      weights.delete('stem');
      return { small: { ...small, weights } };
    });
    expect(error.message).toMatch(/layer "stem": expected weight \d of shape \[.*\], got no such weight/);
  });

  test('slices of another plan, or too few of them', async () => {
    expect((await complaint(({ slices }) => ({ slices: slices.slice(1) }))).message).toContain('a slice for each site');
    expect((await complaint(({ slices }) => ({ slices: [slices[1], ...slices.slice(1)] }))).code).toBe('bad-plan');
    const wide = ({ values, ...at }: RemovedSlice): RemovedSlice => ({
      ...at,
      values: { ...values, shape: values.shape.map(size => size + 1) },
    });
    expect((await complaint(({ slices }) => ({ slices: slices.map(wide) }))).code).toBe('bad-plan');
  });
});
