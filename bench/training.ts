/**
 * One training step of a ResNet-20 (CIFAR size, batch 32) by backend, with tf.js's batch normalization and optimizer and with ours; in
 * turns, each in a process of its own. TensorFlow for Node.js takes part where `npm run test:native` has built it.
 * `npx tsx bench/training.ts`
 */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { printTable, summary, writeResults } from './harness';
import { isSetUp, variablesOf } from './peers/backend';
import { startPeer, type Peer } from './peers/peer';
import { BATCH } from './zoo/trainingTask';

const ROUNDS = Number(process.env.ROUNDS ?? 15);
const cores = String(availableParallelism());
const contenders = [
  ['wasm', '1', 'plain'],
  ['wasm', '1', 'fast'],
  ['wasm', cores, 'fast'],
  ['node', cores, 'plain'],
  ['node', cores, 'fast'],
] as const;

type Trainer = Peer<{ readonly description: string }, { readonly ms: number }>;

async function main(): Promise<void> {
  const chosen = contenders.filter(([backend]) => isSetUp(backend));
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const peers: Trainer[] = [];
  for (const args of chosen) {
    peers.push(
      await startPeer(process.execPath, ['--import', tsx, 'bench/peers/training.ts', ...args], variablesOf(args[0])),
    );
  }
  const times = peers.map((): number[] => []);
  for (let round = 0; round < ROUNDS + 2; round++) {
    for (const [i, peer] of peers.entries()) {
      const { ms } = await peer.run('step');
      if (round >= 2) times[i].push(ms);
    }
  }
  const steps = peers.map(({ greeting }, i) => summary(`${greeting.description}, ${chosen[i][2]}`, times[i]));
  peers.forEach(peer => peer.close());
  const native = steps.find((_, i) => chosen[i][0] === 'node' && chosen[i][2] === 'plain');
  printTable(
    ['', 'ms a step', 'spread', 'images/s', 'of plain native'],
    steps.map(({ name, median, spread }) => [
      name,
      median,
      spread,
      (1000 * BATCH) / median,
      native ? native.median / median : '-',
    ]),
  );
  writeResults('training', { batch: BATCH, rounds: ROUNDS, steps });
}

void main();
