/**
 * Whether a long training loop with the penalty of slimming holds more and more: 2,000 steps of a small net by `train`, each backend in a
 * process of its own that collects garbage before it looks. `npx tsx bench/loop.ts [wasm node webgpu]`
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { printTable, slopeOf, writeResults } from './harness';
import { isSetUp, variablesOf, type BenchBackend } from './peers/backend';
import type { Held } from './peers/loop';

const STEPS = Number(process.env.STEPS ?? 2000);
const OPTIMIZER = process.env.OPTIMIZER ?? 'adam';
const EVERY = 100;
/** Before it, code is compiled and buffers are found. */
const SETTLED = STEPS / 4;

interface Greeting {
  readonly description: string;
  readonly side: number;
  readonly batch: number;
}

function main(): void {
  const given = process.argv.slice(2) as BenchBackend[];
  const backends = given.length > 0 ? given : (['wasm', 'node', 'webgpu'] as const).filter(isSetUp);
  const loops = backends.map(loop);
  const shown = [0.1, 0.25, 0.5, 1].map(share => share * STEPS);
  const at = (marks: readonly Held[], step: number): Held => marks.find(mark => mark.step === step)!;
  console.log(`RSS in MB after so many steps, and what 1,000 steps add to it from step ${SETTLED} on (95 %)`);
  printTable(
    ['', ...shown.map(String), 'MB per 1,000 steps', 'JS heap'],
    loops.map(({ description, marks, rss, heap }) => [
      description,
      ...shown.map(step => at(marks, step).rss / 1e6),
      plusMinus(rss),
      plusMinus(heap),
    ]),
  );
  console.log(
    `Tensors, their kB, and the kB in use in the memory of WASM or the buffers of WebGPU: after ${shown[0]} steps and after ${STEPS}`,
  );
  printTable(
    ['', 'tensors', 'kB', 'backend kB'],
    loops.map(({ description, marks }) => {
      const range = (of: (held: Held) => number | undefined): string =>
        [at(marks, shown[0]), at(marks, STEPS)].map(held => String(of(held) ?? '-')).join(' -> ');
      const kilobytes = (bytes?: number): number | undefined => bytes && Math.round(bytes / 1e3);
      return [
        description,
        range(held => held.tensors),
        range(held => kilobytes(held.tensorBytes)),
        range(held => kilobytes(held.backend)),
      ];
    }),
  );
  writeResults('loop', { steps: STEPS, optimizer: OPTIMIZER, loops });
}

function loop(backend: BenchBackend) {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const program = [join(__dirname, 'peers/loop.ts'), backend, String(STEPS), String(EVERY), OPTIMIZER];
  const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', '--import', tsx, ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    env: { ...process.env, ...variablesOf(backend) },
  });
  if (status !== 0) throw new Error(`the loop on ${backend} failed`);
  const [greeting, ...marks] = stdout.trim().split('\n').map(line => JSON.parse(line) as object); // prettier-ignore
  const settled = (marks as Held[]).filter(({ step }) => step >= SETTLED);
  /** Megabytes per thousand steps. */
  const slope = (of: (held: Held) => number) =>
    slopeOf(settled.map(held => [held.step / 1000, of(held) / 1e6] as const));
  return {
    ...(greeting as Greeting),
    marks: marks as Held[],
    rss: slope(held => held.rss),
    heap: slope(held => held.heap),
  };
}

function plusMinus({ slope, margin }: { readonly slope: number; readonly margin: number }): string {
  return `${slope.toFixed(2)} +- ${margin.toFixed(2)}`;
}

main();
