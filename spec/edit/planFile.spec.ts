import { parsePlan } from '../../lib/edit/planFile';
import { PLAN } from '../io/plan';
import { refusal } from '../zoo/refusal';

type Loose = Record<string, unknown>;
type LoosePlan = Loose & { groups: Loose[]; sites: Loose[] };

const copy = (): LoosePlan => JSON.parse(JSON.stringify(PLAN)) as LoosePlan;

test('a plan is read as it is, with fields that a later release may add', () => {
  expect(parsePlan(copy())).toEqual(PLAN);
  const later = { ...copy(), depth: ['block'], groups: [{ ...PLAN.groups[0], note: 1 }] };
  expect(parsePlan(later)).toEqual(later);
  expect(parsePlan({ ...copy(), groups: [], sites: [] }).groups).toEqual([]);
});

test('so is a plan with blocks', () => {
  const plan = { ...copy(), version: 2, blocks: [{ name: 'a+b', branches: ['a', 'b'], layers: ['x', 'a', 'y', 'b'] }] };
  expect(parsePlan(plan)).toEqual(plan);
});

test('so is what it tells for people', () => {
  const cost = { parameters: 9, bytes: 36 };
  const told = {
    coupled: [{ layer: 'hidden', weight: 0, axis: 1, role: 'makes', parameter: 'kernel' }],
    reasons: ['why'],
  };
  const trial = { units: 1, work: 1, milliseconds: 2, speedup: 1 };
  const measured = {
    backend: 'wasm',
    batch: 1,
    runs: 3,
    target: 1,
    dense: 2,
    multipleOf: 1,
    trials: [trial],
    result: trial,
  };
  const groups = [{ ...PLAN.groups[0], ...told, savings: { ...cost, macs: 4 } }];
  const plan = { ...copy(), groups, cost: { before: cost, after: cost }, measured: [measured] };
  expect(parsePlan(plan)).toEqual(plan);
});

const cases: [string, (plan: LoosePlan) => unknown, RegExp][] = [
  ['another version', plan => (plan.version = 4), /version 1 to 3, got 4\. Read it with the release/],
  ['no version', plan => delete plan.version, /version 1 to 3, got none/],
  ['a version for what it does not have', plan => (plan.version = 3), /turned streams in version 3, and in no other/],
  ['turned streams that are no list', plan => Object.assign(plan, { version: 3, turned: {} }), /a list of turned/],
  ['turned streams in another version', plan => (plan.turned = [{ name: 'a', before: 2, after: 1 }]), /in no other/],
  [
    'a turned stream without name',
    plan => Object.assign(plan, { version: 3, turned: [{ before: 2, after: 1 }] }),
    /a name in turned\[0\], got none/,
  ],
  [
    'half a dimension',
    plan => Object.assign(plan, { version: 3, turned: [{ name: 'a', before: 2, after: 1.5 }] }),
    /before and after in turned\[0\]/,
  ],
  ['no source', plan => delete plan.source, /source\.sha256 with 64 hex digits, got none/],
  ['half a hash', plan => (plan.source = { sha256: 'abc' }), /source\.sha256/],
  ['a method that is no name', plan => (plan.method = 1), /name of a method, got 1/],
  ['a seed that is no number', plan => (plan.seed = '7'), /a number as seed, got "7"/],
  ['blocks that are no list', plan => (plan.blocks = {}), /a list of blocks/],
  ['a block that is a word', plan => (plan.blocks = ['a']), /a block in blocks\[0\], got "a"/],
  ['a block without name', plan => (plan.blocks = [{ branches: [], layers: [] }]), /a name in blocks\[0\]/],
  [
    'a branch that is a number',
    plan => (plan.blocks = [{ name: 'a', branches: [1], layers: [] }]),
    /names as branches/,
  ],
  [
    'a block without layers',
    plan => (plan.blocks = [{ name: 'a', branches: ['a'] }]),
    /paths as layers in blocks\[0\]/,
  ],
  ['groups that are no list', plan => (plan.groups = {} as never), /a list of groups/],
  ['sites that are no list', plan => (plan.sites = undefined as never), /a list of sites, got none/],
  ['coupled sites that are no list', plan => (plan.groups[0].coupled = 5), /a list of groups\[0\]\.coupled, got 5/],
  [
    'a coupled site without a role',
    plan => (plan.groups[0].coupled = [{ layer: 'a', parameter: 'kernel' }]),
    /a word as groups\[0\]\.coupled\[0\]\.role, got none/,
  ],
  [
    'a reason that is no sentence',
    plan => (plan.groups[1].reasons = [1]),
    /a sentence as groups\[1\]\.reasons\[0\], got 1/,
  ],
  [
    'savings in words',
    plan => (plan.groups[0].savings = { parameters: 'many', bytes: 1 }),
    /a number as groups\[0\]\.savings\.parameters, got "many"/,
  ],
  [
    'savings of a block that are no object',
    plan => Object.assign(plan, { version: 2, blocks: [{ name: 'a', branches: [], layers: [], savings: 1 }] }),
    /an object as blocks\[0\]\.savings, got 1/,
  ],
  ['half a cost', plan => (plan.cost = { before: { parameters: 1, bytes: 4 } }), /an object as cost\.after, got none/],
  [
    'MACs that are no number',
    plan => (plan.cost = { before: { parameters: 1, bytes: 4, macs: [] } }),
    /a number as cost\.before\.macs, got \[\]/,
  ],
  ['a clock without a backend', plan => (plan.measured = [{}]), /a word as measured\[0\]\.backend, got none/],
  ['a group that is a number', plan => (plan.groups[1] = 3 as never), /a group in groups\[1\], got 3/],
  ['a group without kind', plan => delete plan.groups[0].kind, /name and kind in groups\[0\]/],
  ['half a unit', plan => (plan.groups[0].units = 5.5), /a number of units in groups\[0\], got 5\.5/],
  ['a unit that is not there', plan => (plan.groups[0].removed = [1, 6]), /rising numbers below 6, got \[1,6\]/],
  ['a unit twice', plan => (plan.groups[0].removed = [1, 1]), /rising numbers/],
  ['units in disorder', plan => (plan.groups[0].removed = [4, 1]), /rising numbers/],
  ['a unit below zero', plan => (plan.groups[0].removed = [-1]), /rising numbers/],
  ['removed that is no list', plan => (plan.groups[0].removed = '1'), /rising numbers below 6, got "1"/],
  ['a reason that is no text', plan => (plan.groups[0].frozen = true), /a reason as frozen in groups\[0\], got true/],
  ['two groups of one name', plan => (plan.groups[1].name = 'hidden'), /different names, got "hidden twice"/],
  ['a site without layer', plan => delete plan.sites[2].layer, /layer and role in sites\[2\]/],
  ['an axis as a word', plan => (plan.sites[0].axis = '1'), /weight and axis in sites\[0\]/],
  ['positions in disorder', plan => (plan.sites[0].kept = [2, 0]), /kept in sites\[0\] to be rising numbers/],
  ['one site twice', plan => (plan.sites[1] = plan.sites[0]), /one site for each axis of a weight/],
];

test.each(cases)('%s is refused', (_, change, message) => {
  const plan = copy();
  change(plan);
  const error = refusal(() => parsePlan(plan, 'spec'));
  expect(error.code).toBe('bad-file');
  expect(error.message).toMatch(/^spec: expected /);
  expect(error.message).toMatch(message);
});

test.each([null, undefined, 3, 'plan', []])('%j is refused', value => {
  expect(refusal(() => parsePlan(value)).message).toMatch(/^plan: expected a plan, got /);
});
