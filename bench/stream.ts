/**
 * Pruning a checkpoint of 1.1 billion parameters (the shape of TinyLlama, BF16, random) from files to files, beside copying it:
 * seconds and peak memory, each run in a process of its own and in turns. Takes 5 GB in FOLDER, the system's folder for temporary
 * files unless told, and gives them back. `npx tsx bench/stream.ts [names]`
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors, type TensorToWrite } from '../lib/io/safetensorsWriter';
import { readConfig } from '../lib/models/config';
import { llamaConfigJson, type LlamaConfig } from '../lib/models/llamaConfig';
import { pruneFiles } from '../lib/models/pruneFiles';
import { tensorTable } from '../lib/models/tensorTable';
import { chosen, printTable, summary, writeResults } from './harness';

const { FOLDER = tmpdir(), ROUNDS = '3', LAYERS = '22' } = process.env;
const MEGABYTE = 1e6;

const CONFIG = readConfig({
  model_type: 'llama',
  hidden_act: 'silu',
  hidden_size: 2048,
  intermediate_size: 5632,
  max_position_embeddings: 2048,
  num_attention_heads: 32,
  num_hidden_layers: Number(LAYERS),
  num_key_value_heads: 4,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
  vocab_size: 32_000,
  bos_token_id: 1,
  eos_token_id: 2,
}) as LlamaConfig;

const last = CONFIG.layers.length - 2;
const CASES: Readonly<Record<string, (from: string, to: string) => Promise<unknown>>> = {
  'copy (by the system)': copyBySystem,
  'copy (read, write, flush)': copyInPieces,
  '2 layers': (from, to) => pruneFiles(from, to, { layers: [last - 1, last] }),
  '30 % of the neurons': (from, to) => pruneFiles(from, to, { ffn: 0.3, multipleOf: 64 }),
  '1 of 4 head groups': (from, to) => pruneFiles(from, to, { heads: 0.25 }),
  'all three': (from, to) => pruneFiles(from, to, { ffn: 0.3, heads: 0.25, layers: [last - 1, last], multipleOf: 64 }),
};

interface Run {
  readonly seconds: number;
  /** Of the process, at its peak. */
  readonly megabytes: number;
  readonly written: number;
  readonly cpuSeconds: number;
}

async function main(): Promise<void> {
  const [flag, name, from, to] = process.argv.slice(2);
  if (flag === '--one') return console.log(JSON.stringify(await measure(name, from, to)));
  const folder = mkdtempSync(join(FOLDER, 'stream-'));
  try {
    const source = join(folder, 'source');
    await makeCheckpoint(source);
    const names = chosen(Object.keys(CASES));
    const runs = new Map<string, Run[]>(names.map(each => [each, []]));
    for (let round = 0; round < Number(ROUNDS); round++) {
      for (const each of names) runs.get(each)!.push(inItsOwnProcess(each, source, join(folder, 'pruned')));
    }
    report(runs, bytesIn(source));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(runs: ReadonlyMap<string, readonly Run[]>, size: number): void {
  const rows = [...runs].map(([name, all]) => {
    const { median, spread } = summary(
      name,
      all.map(({ seconds }) => seconds),
    );
    const cpu = summary(
      name,
      all.map(({ cpuSeconds }) => cpuSeconds),
    ).median;
    const peak = Math.max(...all.map(({ megabytes }) => megabytes));
    return { name, seconds: median, spread, cpu, peak, written: all[0].written };
  });
  const headers = ['', 'seconds', 'spread', 'cpu seconds', 'source MB/s', 'written MB', 'peak MB'];
  const toRow = ({ name, seconds, spread, cpu, peak, written }: (typeof rows)[number]): (string | number)[] => [
    name,
    seconds,
    spread,
    cpu,
    size / MEGABYTE / seconds,
    written,
    peak,
  ];
  printTable(headers, rows.map(toRow));
  writeResults('stream', { source: size / MEGABYTE, rows });
}

function inItsOwnProcess(name: string, from: string, to: string): Run {
  const command = [...process.execArgv, __filename, '--one', name, from, to];
  const { stdout } = spawnSync(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  rmSync(to, { recursive: true, force: true });
  return JSON.parse(stdout) as Run;
}

async function measure(name: string, from: string, to: string): Promise<Run> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await CASES[name](from, to);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  const written = bytesIn(to) / MEGABYTE;
  const megabytes = (process.resourceUsage().maxRSS * 1024) / MEGABYTE;
  return { seconds, megabytes, written, cpuSeconds: (user + system) / 1e6 };
}

async function makeCheckpoint(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const tensors = tensorTable(CONFIG).rows.map(({ name, shape }, i): TensorToWrite => ({
    name,
    shape,
    dtype: 'BF16',
    parts: () => randomBytes(i + 1, 2 * shape.reduce((a, b) => a * b, 1)),
  }));
  await writeSafetensors(folder, tensors, { shardBytes: 5e8 });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(llamaConfigJson(CONFIG, 'bfloat16')));
}

/** BF16 of both signs between 2^-8 and 2^-4, by xorshift. */
function* randomBytes(seed: number, length: number): Generator<Uint8Array> {
  let state = seed * 2_654_435_761;
  for (let left = length; left > 0;) {
    const words = new Uint16Array(Math.min(left / 2, 2 ** 20));
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = (state & 0x8000) | ((119 + ((state >>> 16) & 3)) << 7) | (state & 0x7f);
    }
    left -= 2 * words.length;
    yield new Uint8Array(words.buffer);
  }
}

async function copyBySystem(from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    await copyFile(join(from, name), join(to, name));
    const file = await open(join(to, name), 'r+');
    await file.sync();
    await file.close();
  }
}

async function copyInPieces(from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  const buffer = new Uint8Array(4 * 1024 * 1024);
  for (const name of readdirSync(from)) {
    const [input, output] = [await open(join(from, name), 'r'), await open(join(to, name), 'w')];
    for (;;) {
      const { bytesRead } = await input.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      await output.writeFile(buffer.subarray(0, bytesRead));
    }
    await output.sync();
    await input.close();
    await output.close();
  }
}

function bytesIn(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

void main();
