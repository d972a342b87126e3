/** `tfjs-prune bench`: how long two models take, side by side. */
import { measureLatency } from '../report/latency';
import { milliseconds } from '../report/numbers';
import { costOf } from '../report/cost';
import { textTable } from '../report/table';
import { capture } from '../runtime/capture';
import type { Command } from './command';
import { withModelFile } from './model';

export const benchCommand: Command = {
  name: 'bench',
  summary: 'how much faster one model is than another, measured in turns on this machine',
  operands: ['MODEL', 'OTHER'],
  options: {
    batch: { value: 'N', help: 'examples per pass; default 1' },
    runs: { value: 'N', help: 'timed passes of each; default 20' },
  },
  help: {
    about: 'Random inputs, from the call until all outputs are in memory. Close what else the machine does.',
    example: 'tfjs-prune bench models/digits out/slim --runs 50',
  },
  run(given, { signal }) {
    const [first, second] = given.paths;
    const [batch, runs] = [given.number('batch') ?? 1, given.number('runs') ?? 20];
    return withModelFile(first, given, before =>
      withModelFile(second, given, async after => {
        const latency = await measureLatency(before, after, { batch, runs, signal });
        const macs = [costOf(await capture(before)).macs, costOf(await capture(after)).macs];
        if (given.has('json')) return JSON.stringify({ models: given.paths, latency, macs }, null, 2);
        const rows = [latency.before, latency.after].map(({ median, least, most }, i) => [
          given.paths[i],
          ...[median, least, most].map(milliseconds),
        ]);
        const computes = macs[0] && macs[1] ? `, which computes ${(macs[0] / macs[1]).toFixed(2)}x less` : '';
        return [
          textTable([['', 'median', 'least', 'most'], ...rows]),
          `${second} is ${latency.speedup.toFixed(2)}x as fast${computes} (${latency.backend}, batch ${batch}, median of ${runs})`,
        ].join('\n\n');
      }),
    );
  },
};
