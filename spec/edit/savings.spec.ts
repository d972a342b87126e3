/** Savings are exact: counted in shapes, they are those of the model that is really cut. */
import fc from 'fast-check';
import '@tensorflow/tfjs-backend-cpu';
import type { Checkpoint } from '../../lib/core/checkpoint';
import { random } from '../../lib/core/random';
import { describeCut, type Plan, type PlanCost } from '../../lib/edit/plan';
import { slice } from '../../lib/edit/slice';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { costOf } from '../../lib/report/cost';
import { explain } from '../../lib/report/explain';
import { savingsOf, unitSavings } from '../../lib/edit/savings';
import { defineRule } from '../../lib/rules';
import { dense } from '../../lib/rules/dense';
import type { Unit } from '../../lib/rules/rule';
import { capture } from '../../lib/runtime/capture';
import { NETS, NET_NAMES } from '../zoo/nets';
import { build, recipes } from '../zoo/random';
import { randomRemoval } from '../zoo/removal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

/** What is really gone. */
function cutReally(model: Checkpoint, removed: ReadonlySet<Unit>): PlanCost {
  const [before, after] = [model, slice(model, trace(model), removed)].map(each => costOf(each));
  return {
    parameters: before.parameters - after.parameters,
    ...(before.macs === undefined ? {} : { macs: before.macs - after.macs! }),
    bytes: before.bytes - after.bytes,
  };
}

/** Every group alone, then all together, against the models that are cut. Returns the number of groups that lost units. */
function requireExact(model: Checkpoint, seed: number): number {
  const traced = trace(model);
  const all = groupsOf(traced);
  const removed = randomRemoval(all, seed);
  const cuts = all.map(({ units }) => new Set(units.filter(unit => removed.has(unit))));
  // Where some length is open the model's MACs are not known, but those of a cut elsewhere are.
  const known = costOf(model).macs !== undefined;
  const saved = [...savingsOf(model, traced, cuts), ...savingsOf(model, traced, [removed])].map(
    ({ macs, ...rest }): PlanCost => (known ? { macs, ...rest } : rest),
  );
  expect(saved).toEqual([...cuts, removed].map(cut => cutReally(model, cut)));
  return cuts.filter(({ size }) => size > 0).length;
}

test.each(NET_NAMES)('%s', async name => {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  expect(requireExact(model, 1) + requireExact(model, 2) + requireExact(model, 3)).toBeGreaterThan(0);
});

test.each(NET_NAMES)('%s: each unit by itself', async name => {
  const net = NETS[name]();
  const model = await capture(net);
  net.dispose();
  const traced = trace(model);
  const all = groupsOf(traced);
  const one = all.map(({ units }) => savingsOf(model, traced, units.map(unit => new Set([unit])))); // prettier-ignore
  expect(unitSavings(model, traced, all)).toEqual(one);
});

test('random architectures', async () => {
  let cut = 0;
  await fc.assert(
    fc.asyncProperty(recipes(), fc.nat({ max: 1000 }), async (recipe, seed) => {
      const net = build(recipe);
      const model = await capture(net);
      net.dispose();
      cut += requireExact(model, seed) > 0 ? 1 : 0;
    }),
    { numRuns: 60 },
  );
  expect(cut).toBeGreaterThan(30);
});

describe('an open image size', () => {
  const model = checkpoint(
    functional(
      [
        input('x', [null, null, 1]),
        layer('Conv2D', 'a', { filters: 2, kernelSize: [1, 1] }, ['x']),
        layer('Conv2D', 'b', { filters: 3, kernelSize: [1, 1] }, ['a']),
        layer('GlobalAveragePooling2D', 'gap', {}, ['b']),
        layer('Dense', 'c', { units: 4 }, ['gap']),
        layer('Dense', 'head', { units: 5 }, ['c']),
      ],
      ['head'],
    ),
    { a: [[1, 1, 1, 2], [2]], b: [[1, 1, 2, 3], [3]], c: [[3, 4], [4]], head: [[4, 5], [5]] },
  );

  test('leaves MACs unknown where it matters and nowhere else', () => {
    const traced = trace(model);
    const all = groupsOf(traced);
    const first = (name: string): Set<Unit> => new Set([all.find(group => group.name === name)!.units[0]]);
    expect(savingsOf(model, traced, [first('a'), first('c')])).toEqual([
      { parameters: 1 + 1 + 3, bytes: 4 * 5 },
      { parameters: 3 + 1 + 5, macs: 3 + 5, bytes: 4 * 9 },
    ]);
    const plan = planOf(model, first('c'));
    expect(plan.cost!.before).not.toHaveProperty('macs');
    expect(plan.cost!.after).not.toHaveProperty('macs');
  });
});

test('a rule that counts by its config counts by what the cut makes of it', () => {
  defineRule({ ...dense, className: 'SpecCounted', macs: ({ config }) => 100 * Number(config.units) });
  const topology = functional(
    [input('x', [2]), layer('SpecCounted', 'a', { units: 4 }, ['x']), layer('Dense', 'head', { units: 1 }, ['a'])],
    ['head'],
  );
  const model = checkpoint(topology, { a: [[2, 4], [4]], head: [[4, 1], [1]] });
  const traced = trace(model);
  const { units } = groupsOf(traced).find(({ name }) => name === 'a')!;
  const cut = new Set(units.slice(1));
  expect(savingsOf(model, traced, [cut])).toEqual([cutReally(model, cut)]);
  expect(cutReally(model, cut).macs).toBe(3 * 100 + 3);
});

function planOf(model: Checkpoint, removed: ReadonlySet<Unit>): Plan {
  const traced = trace(model);
  const shared = { version: 1, source: { sha256: '' }, method: 'by hand', seed: 0 } as const;
  return explain(model, { ...shared, ...describeCut(groupsOf(traced), traced, removed) });
}

describe('explain', () => {
  test('adds the account and changes nothing else', async () => {
    const net = NETS.residual();
    const model = await capture(net);
    net.dispose();
    const traced = trace(model);
    const removed = randomRemoval(groupsOf(traced), 2);
    const { groups, sites } = describeCut(groupsOf(traced), traced, removed);
    const plan = planOf(model, removed);
    expect(plan.sites).toEqual(sites);
    expect(plan.groups.map(({ coupled, reasons, savings, ...group }) => group)).toEqual(groups);
    expect(plan.groups[2].coupled).toContainEqual({
      layer: 'b',
      weight: 0,
      axis: 2,
      role: 'reads',
      parameter: 'kernel',
    });
    const after = costOf(slice(model, traced, removed));
    expect(plan.cost!.after).toEqual({ parameters: after.parameters, macs: after.macs, bytes: after.bytes });
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });
});

/** Pairs of dense layers that a sum joins: as many groups as blocks, all read by the stream. */
function tower(blocks: number, width: number): Checkpoint {
  const layers = [input('x', [3]), layer('Dense', 'stem', { units: width }, ['x'])];
  const shapes: Record<string, number[][]> = { stem: [[3, width], [width]] };
  let stream = 'stem';
  for (let i = 0; i < blocks; i++) {
    layers.push(
      layer('Dense', `a${i}`, { units: width }, [stream]),
      layer('Dense', `b${i}`, { units: width }, [`a${i}`]),
    );
    layers.push(layer('Add', `add${i}`, {}, [stream, `b${i}`]));
    for (const name of ['a', 'b']) shapes[`${name}${i}`] = [[width, width], [width]];
    stream = `add${i}`;
  }
  layers.push(layer('Dense', 'head', { units: 2 }, [stream]));
  return checkpoint(functional(layers, ['head']), { ...shapes, head: [[width, 2], [2]] });
}

test('the work grows with the model, not with groups times layers', () => {
  const visits = (blocks: number): number => {
    const model = tower(blocks, 4);
    const traced = trace(model);
    const { integer } = random(1, blocks);
    const cuts = groupsOf(traced).map(({ units, frozen }) => new Set(frozen ? [] : [units[integer(units.length)]]));
    let counted = 0;
    const calls = traced.calls.map(call => {
      const macs = (shapes: Parameters<NonNullable<typeof call.rule.macs>>[0]): number => {
        counted += 1;
        return call.rule.macs?.(shapes) ?? 0;
      };
      return { ...call, rule: { ...call.rule, macs } };
    });
    expect(savingsOf(model, { ...traced, calls }, cuts)).toHaveLength(blocks + 3);
    return counted;
  };
  const [few, many] = [visits(10), visits(80)];
  expect(many / few).toBeLessThan(9);
});
