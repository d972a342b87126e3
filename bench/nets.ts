/**
 * The nets of bench/zoo at their published size, half of every group gone: what it took and what it left.
 * `npx tsx bench/nets.ts [names]`
 */
import { capture, costOf, useBackend } from '../lib';
import { certify } from '../lib/runtime/certify';
import { printTable, summary, writeResults } from './harness';
import { buildNet, ZOO } from './zoo';
import { pruneOnce, totalOf, type Phases, type Step } from './zoo/step';

const RATIO = 0.5;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const phaseNames = ['trace', 'groups', 'score', 'slice', 'materialize'] as const;

async function main(): Promise<void> {
  await useBackend('wasm');
  const wanted = process.argv.slice(2);
  const results: Awaited<ReturnType<typeof measure>>[] = [];
  for (const name of Object.keys(ZOO).filter(name => wanted.length === 0 || wanted.includes(name))) {
    results.push(await measure(name));
    console.error(`${name} done`);
  }
  console.log(`Half of every group, ms (median of ${ROUNDS} after a first run)`);
  const millions = (count: number | undefined): string => ((count ?? NaN) / 1e6).toFixed(2);
  printTable(
    ['', 'M params', 'after', 'M MACs', 'after', 'groups', 'frozen', 'error', 'total', ...phaseNames, 'certificate'],
    results.map(({ name, before, after, groups, frozen, error, total, phases, certificate }) => [
      name,
      millions(before.parameters),
      millions(after.parameters),
      millions(before.macs),
      millions(after.macs),
      String(groups),
      String(frozen),
      error.toExponential(0),
      total,
      ...phaseNames.map(phase => phases[phase]),
      certificate,
    ]),
  );
  writeResults('nets', { ratio: RATIO, rounds: ROUNDS, results });
}

async function measure(name: string) {
  const net = buildNet(name);
  const model = await capture(net);
  net.dispose();
  const runs: Phases[] = [];
  let last: Step | undefined;
  for (let round = 0; round <= ROUNDS; round++) {
    last = await pruneOnce(model, RATIO);
    last.model.dispose();
    runs.push(last.phases);
  }
  const { sliced, masked, groups } = last!;
  const start = performance.now();
  const { error } = await certify('bench', masked(), sliced, { seed: 0 });
  const certificate = performance.now() - start;
  const median = (of: (phases: Phases) => number): number => summary('', runs.slice(1).map(of)).median;
  return {
    name,
    before: costOf(model),
    after: costOf(sliced),
    groups: groups[0],
    frozen: groups[1],
    error,
    total: median(totalOf),
    phases: Object.fromEntries(phaseNames.map(phase => [phase, median(times => times[phase])])) as unknown as Phases,
    certificate,
  };
}

void main();
