import { gatesOf } from '../../lib/graph/gates';
import { groupsOf } from '../../lib/graph/group';
import { trace } from '../../lib/graph/trace';
import { checkpoint, functional, input, layer } from '../zoo/topology';

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
});
