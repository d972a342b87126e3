/**
 * One training step of a ResNet-20 (CIFAR size, batch 32) by backend, with tf.js's batch normalization and optimizer and with ours; in
 * turns, each in a process of its own. TensorFlow for Node.js takes part where `npm run test:native` has built it, PyTorch where PEER_PYTHON
 * names a Python that has it.
 * `npx tsx bench/training.ts`
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { printTable, summary, writeResults } from './harness';
import { isSetUp, variablesOf } from './peers/backend';
import { startPeer, startScript, type Peer } from './peers/peer';
import { BATCH } from './zoo/trainingTask';

const ROUNDS = Number(process.env.ROUNDS ?? 15);
const cores = String(availableParallelism());
const contenders = [
  ['wasm', '1', 'plain'],
  ['wasm', '1', 'fast'],
  ['wasm', cores, 'fast'],
  ['node', cores, 'plain'],
  ['node', cores, 'fast'],
  ['PyTorch', '1', ''],
  ['PyTorch', cores, ''],
] as const;

type Contender = (typeof contenders)[number];
type Trainer = Peer<{ readonly description: string }, { readonly ms: number }>;

const python = process.env.PEER_PYTHON;

async function main(): Promise<void> {
  const chosen = contenders.filter(([backend]) => (backend === 'PyTorch' ? python !== undefined : isSetUp(backend)));
  if (python === undefined) console.log('Without PyTorch: set PEER_PYTHON to a Python that has it.');
  const peers: Trainer[] = [];
  for (const contender of chosen) peers.push(await start(contender));
  const times = peers.map((): number[] => []);
  for (let round = 0; round < ROUNDS + 2; round++) {
    for (const [i, peer] of peers.entries()) {
      const { ms } = await peer.run('step');
      if (round >= 2) times[i].push(ms);
    }
  }
  const steps = peers.map(({ greeting }, i) =>
    summary([greeting.description, chosen[i][2]].filter(Boolean).join(', '), times[i]),
  );
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

function start([backend, threads, way]: Contender): Promise<Trainer> {
  if (backend === 'PyTorch') return startPeer(python!, [join(__dirname, 'peers/training.py'), threads]);
  return startScript('training.ts', [backend, threads, way], variablesOf(backend));
}

void main();
