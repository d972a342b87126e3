import { fisher, taylor } from '../../lib/criteria';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { capture } from '../../lib/runtime/capture';
import { onWasm } from '../runtime/help';
import { NETS } from '../zoo/nets';
import { refusal, rejection } from '../zoo/refusal';
import { input } from '../zoo/topology';
import { contextOf, EXAMPLES, expectClose, groupNamed, residual, scoresOf, splits } from './gradientNet';

onWasm();

const NAMES = ['stem', 'inner', 'hidden'];
const one = { batches: 1, batchSize: EXAMPLES };

test.each([1, 2, 4])('batches of %i change nothing, the last smaller one included', async batchSize => {
  const [whole, parts] = [await scoresOf(fisher(one)), await scoresOf(fisher({ batchSize }))];
  for (const name of NAMES) {
    expectClose(parts[name].values, whole[name].values);
    expectClose(parts[name].standardError!, whole[name].standardError!);
  }
  const taylors = [await scoresOf(taylor(one)), await scoresOf(taylor({ batchSize }))];
  expect(taylors[1].inner.values[0] / taylors[0].inner.values[0]).not.toBeCloseTo(1, 1); // which square the mean
});

/** MACs that go with one unit, by hand: 4 x 4 places, kernels of 9, and for stem a row of hidden at each of 4 places. */
const MACS = { stem: 16 * 9 * 2 + 16 * 9 * 5 + 16 * 9 * 5 + 4 * 6, inner: 16 * 9 * 4 + 16 * 9 * 4, hidden: 16 + 3 };
/** Values of all layers that carry one: convolution, norm and ReLU for inner; seven such maps, pool and flat for stem. */
const VALUES = { stem: 7 * 16 + 4 + 4, inner: 3 * 16, hidden: 1 };

test.each([
  ['macs', MACS],
  ['memory', VALUES],
] as const)('per %s: divided by what one unit costs', async (per, costs) => {
  const [plain, divided] = [await scoresOf(fisher(one)), await scoresOf(fisher({ per, ...one }))];
  for (const name of NAMES) {
    const cost = costs[name as keyof typeof costs];
    expectClose(Array.from(divided[name].values, value => value * cost), plain[name].values, 1e-9); // prettier-ignore
    expectClose(Array.from(divided[name].standardError!, value => value * cost), plain[name].standardError!, 1e-9); // prettier-ignore
  }
});

test.each(['macs', 'memory'] as const)(
  'per %s: an input size that neither model nor data tell is refused',
  async per => {
    const model = residual();
    const { layers, ...config } = model.topology.config;
    const open = layers.filter(({ className }) => !['Flatten', 'Dense'].includes(className));
    const topology = {
      ...model.topology,
      config: {
        ...config,
        layers: [input('image', [null, null, 2]), ...open.slice(1)],
        outputLayers: [['pool', 0, 0] as const],
      },
    };
    const weights = new Map([...model.weights].filter(([path]) => path !== 'hidden' && path !== 'head'));
    const criterion = fisher({ per });
    const group = groupNamed({ topology, weights }, 'inner');
    const error = await rejection(
      criterion.score([group], { topology, weights }, { ...(await contextOf(splits())), example: undefined }),
    );
    expect(error.code).toBe('bad-model');
    expect(error.message).toContain('leave out per');
  },
);

test('covers what can be gated example by example', async () => {
  const covered = async (name: string): Promise<Record<string, boolean>> => {
    const net = NETS[name]();
    const traced = trace(await capture(net));
    net.dispose();
    const open = groupsOf(traced).filter(({ frozen }) => frozen === undefined);
    return Object.fromEntries(open.map(group => [group.name, fisher().covers!(group, traced)]));
  };
  expect(await covered('stack')).toMatchObject({ lstm: false, gru: false });
  expect(await covered('products')).toEqual({ a: true });
  expect(await covered('attention')).toMatchObject({ query: true });
  const model = residual();
  for (const name of NAMES) expect(fisher().covers!(groupNamed(model, name), trace(model))).toBe(true);
});

test('normalize: lamp makes groups comparable and loses the standard error', async () => {
  const { inner } = await scoresOf(fisher({ normalize: 'lamp', ...one }));
  expect(Math.max(...inner.values)).toBeCloseTo(1, 12);
  expect(inner.standardError).toBeUndefined();
});

test('an unknown cost is refused with the words that are known', () => {
  const error = refusal(() => fisher({ per: 'flops' as never }));
  expect(error.code).toBe('bad-option');
  expect(error.message).toContain('macs, memory');
});
