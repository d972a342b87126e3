import { useBackend } from '../../lib/runtime/backend';
import { WASM } from '../backend';
import { removeFolders } from '../io/folder';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

test('two models in turns, as a table and as data', async () => {
  const [one, other] = [await savedNet('residual'), await savedNet('perceptron')];
  const { code, out } = await run('bench', one, other, '--runs', '3');
  expect(code).toBe(0);
  expect(out[0]).toContain(`${other} is `);
  expect(out[0]).toMatch(/x as fast, which computes \d+\.\d\dx less \(wasm, batch 1, median of 3\)$/);
  const data = JSON.parse((await run('bench', one, other, '--runs', '2', '--batch', '4', '--json')).out[0]) as object;
  expect(data).toMatchObject({ models: [one, other], latency: { batch: 4, runs: 2, before: { median: expect.any(Number) } } }); // prettier-ignore
});

test('one model alone, and no runs, are refused', async () => {
  const net = await savedNet('perceptron');
  expect(await refusalOf('bench', net)).toMatch(/expected MODEL and OTHER for bench/);
  expect(await refusalOf('bench', net, net, '--runs', '0')).toMatch(/runs/);
});
