import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '../../lib/edit/plan';
import { useBackend } from '../../lib/runtime/backend';
import { WASM } from '../backend';
import { contents, newFolder, removeFolders } from '../io/folder';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

test('a plan is what prune with the same options does, and prune carries it out', async () => {
  const [net, folder] = [await savedNet('residual'), newFolder()];
  const file = join(folder, 'deep', 'plan.json');
  const options = ['--macs', '0.5', '--criterion', 'l2'];
  const { code, out, error } = await run('plan', net, ...options, '--out', file);
  expect([code, error]).toEqual([0, []]);
  expect(out[0]).toContain('prune(l2), seed 0');
  expect(out[0]).toContain(`written: ${file}`);
  const planned = JSON.parse(readFileSync(file, 'utf8')) as Plan;
  expect(JSON.parse((await run('plan', net, ...options, '--json')).out[0])).toEqual(planned);
  const [direct, byPlan] = [join(folder, 'direct'), join(folder, 'planned')];
  await run('prune', net, ...options, '--out', direct);
  const cut = await run('prune', net, '--plan', file, '--out', byPlan);
  expect([cut.code, cut.error]).toEqual([0, []]);
  const [one, other] = [contents(direct), contents(byPlan)];
  const weights = Object.keys(one).filter(name => name.endsWith('.bin'));
  expect(weights.length).toBeGreaterThan(0);
  for (const name of weights) expect(other[name]).toEqual(one[name]);
  expect((await run('verify', net, byPlan)).code).toBe(0);
});

test('an edited plan is carried out; one that contradicts itself, and one with other options, are refused', async () => {
  const [net, folder] = [await savedNet('perceptron'), newFolder()];
  const file = join(folder, 'plan.json');
  await run('plan', net, '--ratio', '0.5', '--out', file);
  const planned = JSON.parse(readFileSync(file, 'utf8')) as Plan;
  const out = join(folder, 'out');
  expect(await refusalOf('prune', net, '--plan', file, '--ratio', '0.5', '--out', out)).toMatch(
    /expected --plan alone, got --plan and --ratio/,
  );
  const groups = planned.groups.map(group => ({ ...group, removed: group.removed.slice(1) }));
  writeFileSync(file, JSON.stringify({ ...planned, groups }));
  expect(await refusalOf('prune', net, '--plan', file, '--out', out)).toMatch(/sites/);
  expect(await refusalOf('plan', net, '--ratio', '1.5')).toMatch(/1\.5/);
  expect(await refusalOf('plan', net, '--criterion', 'taylor')).toMatch(/expected --data FILE, which taylor looks at/);
});
