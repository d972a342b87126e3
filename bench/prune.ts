/**
 * From a checkpoint to a tf.js model of half the channels: graph, groups, L1 scores, cut, model, phase by phase. Side by side
 * with torch-pruning where PEER_PYTHON names a Python that has it. `npx tsx bench/prune.ts [names]`
 */
import { capture, useBackend, type Checkpoint } from '../lib';
import { certify } from '../lib/runtime/certify';
import { printTable, summary, writeResults, type Timing } from './harness';
import { startTorchPruning, type TorchPruning, type TorchRun } from './peers/torchPruning';
import { buildNet } from './zoo';
import { pruneOnce, totalOf, trainedParameters, type Phases } from './zoo/step';

const RATIO = 0.5;
const ROUNDS = Number(process.env.ROUNDS ?? 9);
const names = ['resnet18', 'resnet50', 'mobilenetV2', 'densenet121', 'vgg16'];
const phaseNames = ['trace', 'groups', 'score', 'slice', 'materialize'] as const;

interface Result {
  readonly name: string;
  /** Milliseconds: the first run of each, then the medians of the others. */
  readonly first: number;
  readonly ours: Timing;
  /** Of the processor, the garbage collector's share included: what a busy machine changes least. */
  readonly cpu: Timing;
  readonly phases: Readonly<Record<keyof Phases, Timing>>;
  readonly peerFirst?: number;
  readonly peer?: Timing;
  readonly peerCpu?: Timing;
  readonly certificate: { readonly ms: number; readonly error: number };
  readonly parameters: { readonly before: number; readonly after: number; readonly peerAfter?: number };
}

async function main(): Promise<void> {
  await useBackend('wasm');
  const python = process.env.PEER_PYTHON;
  const peer = python ? await startTorchPruning(python) : undefined;
  const wanted = process.argv.slice(2);
  const results: Result[] = [];
  for (const name of names.filter(name => wanted.length === 0 || wanted.includes(name))) {
    results.push(await race(name, peer));
  }
  peer?.close();
  report(results, peer);
  writeResults('prune', { ratio: RATIO, rounds: ROUNDS, peer: peer?.greeting, results });
}

/** Rounds in turns, so that whatever else the machine does meets both alike. */
async function race(name: string, peer: TorchPruning | undefined): Promise<Result> {
  const net = buildNet(name);
  const model = await capture(net);
  net.dispose();
  const ours: Phases[] = [];
  const cpu: number[] = [];
  const theirs: TorchRun[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.cpuUsage();
    const { model: small, phases } = await pruneOnce(model, RATIO);
    const { user, system } = process.cpuUsage(start);
    small.dispose();
    ours.push(phases);
    cpu.push((user + system) / 1000);
    if (peer) theirs.push(await peer.run(name));
  }
  const { certificate, after } = await proven(model);
  const [peerFirst, ...peerTimes] = theirs.map(({ seconds }) => 1000 * seconds);
  const peerCpu = theirs.slice(1).map(({ cpu }) => 1000 * cpu);
  const phases = phaseNames.map(phase => [phase, summary(phase, ours.slice(1).map(times => times[phase]))] as const); // prettier-ignore
  return {
    name,
    first: totalOf(ours[0]),
    ours: summary('ours', ours.slice(1).map(totalOf)),
    phases: Object.fromEntries(phases) as Result['phases'],
    cpu: summary('cpu', cpu.slice(1)),
    ...(peer && { peerFirst, peer: summary('peer', peerTimes), peerCpu: summary('peer cpu', peerCpu) }),
    certificate,
    parameters: { before: trainedParameters(model), after, peerAfter: theirs[0]?.after },
  };
}

/** The proof that the peer does not have: the masked and the sliced model on random images of full size. */
async function proven(model: Checkpoint): Promise<{ certificate: Result['certificate']; after: number }> {
  const { model: small, sliced, masked } = await pruneOnce(model, RATIO);
  small.dispose();
  const start = performance.now();
  const { error } = await certify('bench', masked(), sliced, { seed: 0 });
  return { certificate: { ms: performance.now() - start, error }, after: trainedParameters(sliced) };
}

function report(results: readonly Result[], peer: TorchPruning | undefined): void {
  console.log(`Half of the channels of each net, ms (median of ${ROUNDS} after a first run)`);
  printTable(
    ['', 'first', 'median', 'spread', ...phaseNames, 'certificate', 'error'],
    results.map(({ name, first, ours, phases, certificate }) => [
      name,
      first,
      ours.median,
      ours.spread,
      ...phaseNames.map(phase => phases[phase].median),
      certificate.ms,
      certificate.error.toExponential(0),
    ]),
  );
  if (!peer) return console.log('No peer: set PEER_PYTHON to a Python with torch, torchvision and torch-pruning.');
  console.log(`torch-pruning ${peer.greeting.torch_pruning} on torch ${peer.greeting.torch}, ms, one thread`);
  printTable(
    ['', 'first', 'median', 'spread', 'cpu', 'ours: median', 'cpu', 'peer/ours', 'by cpu', 'with certificate'],
    results.map(({ name, ours, cpu, peerFirst, peer, peerCpu, certificate }) => [
      name,
      peerFirst!,
      peer!.median,
      peer!.spread,
      peerCpu!.median,
      ours.median,
      cpu.median,
      peer!.median / ours.median,
      peerCpu!.median / cpu.median,
      peer!.median / (ours.median + certificate.ms),
    ]),
  );
  console.log('Trained parameters');
  printTable(
    ['', 'before', 'after', 'peer after'],
    results.map(({ name, parameters: { before, after, peerAfter } }) => [
      name,
      String(before),
      String(after),
      String(peerAfter),
    ]),
  );
}

void main();
