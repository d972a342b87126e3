/**
 * What bench/latency.ts measures, in Chromium without a window: pages of stock tf.js load both models from files and time them in
 * turns, on WASM, WebGL and WebGPU. On a machine without a GPU the last two are SwiftShader, on smaller images.
 * `npx tsx bench/browser.ts [backends and nets]`
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { fuseLayers, materialize, saveLayersModel, useBackend } from '../lib';
import { chosen, printTable, writeResults } from './harness';
import { findChromium, visit, type Site } from './peers/chromium';
import type { PageAnswer, PageTask } from './peers/page';
import { headers, rowOf, speedup, type Speedup } from './peers/speedup';
import { pairOf } from './zoo/narrowed';

const ROUNDS = Number(process.env.ROUNDS ?? 7);
/** Of the multiply-accumulates, what may stay. */
const FRACTIONS = (process.env.FRACTIONS ?? '0.8,0.5,0.25').split(',').map(Number);
const NETS = ['resnet50', 'mobilenetV2', 'vgg16'];
const FORMS = ['plain', 'fused'];

interface BrowserBackend {
  readonly flags: readonly string[];
  /** Of the images: 224 takes minutes where a program plays the GPU. */
  readonly side: number;
  readonly setUp: string;
}

const WASM = 'node_modules/@tensorflow/tfjs-backend-wasm/dist';
const BACKENDS: Readonly<Record<string, BrowserBackend>> = {
  wasm: {
    flags: [],
    side: 224,
    setUp: "import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'; setWasmPaths('/wasm/');",
  },
  webgl: {
    flags: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'],
    side: Number(process.env.SIDE ?? 96),
    setUp: "import '@tensorflow/tfjs-backend-webgl';",
  },
  webgpu: {
    flags: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
    side: Number(process.env.SIDE ?? 96),
    setUp: "import '@tensorflow/tfjs-backend-webgpu';",
  },
};

/** Backends that only this bench needs, in a folder of their own. */
const FOLDER = join(__dirname, '../.browser');
const PACKAGES = { '@tensorflow/tfjs-backend-webgl': '4.22.0', '@tensorflow/tfjs-backend-webgpu': '4.22.0' };

async function main(): Promise<void> {
  const chromium = findChromium();
  if (chromium === undefined) return console.log('Skipped: no Chromium. Set CHROME_PATH to one.');
  if (!install()) return console.log(`Skipped: ${Object.keys(PACKAGES).join(' and ')} cannot be installed.`);
  await useBackend('wasm');
  const results: Speedup[] = [];
  for (const backend of chosen(Object.keys(BACKENDS))) {
    const script = await bundle(BACKENDS[backend].setUp);
    for (const net of chosen(NETS)) {
      for (const fraction of FRACTIONS) results.push(...(await measure(chromium, backend, script, net, fraction)));
      console.error(`${net} on ${backend} done`);
    }
  }
  printTable(headers, results.map(rowOf));
  writeResults(['browser', ...process.argv.slice(2)].join('-'), { rounds: ROUNDS, results });
}

/** Plain and fused. */
async function measure(chromium: string, backend: string, script: string, net: string, fraction: number) {
  const { flags, side } = BACKENDS[backend];
  const pair = await pairOf(net, { macs: fraction }, { side });
  const results: Speedup[] = [];
  for (const form of FORMS) {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-prune-models-'));
    for (const [i, checkpoint] of pair.models.entries()) {
      const model = materialize(form === 'fused' ? fuseLayers(checkpoint) : checkpoint);
      await saveLayersModel(model, join(folder, String(i)));
      model.dispose();
    }
    const task: PageTask = { backend, models: ['/models/0/model.json', '/models/1/model.json'], rounds: ROUNDS };
    const answer = await visit<PageAnswer>(chromium, flags, siteOf(script, task, folder)).catch(
      (error: unknown): PageAnswer => ({ problem: String(error) }),
    );
    rmSync(folder, { recursive: true });
    if ('problem' in answer) console.log(`${net}, ${form}, on ${backend}: ${answer.problem}`);
    else {
      const description = `Chromium ${answer.description}, ${side} x ${side}`;
      results.push(speedup({ net, form, ...answer, description, macs: pair.macs }));
    }
  }
  return results;
}

function siteOf(script: string, task: PageTask, models: string): Site {
  const wasm = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'];
  return {
    models,
    files: new Map<string, { path: string } | { text: string }>([
      ['/index.html', { text: '<!doctype html><title>latency</title><script src="/page.js"></script>' }],
      ['/page.js', { text: script }],
      ['/task.json', { text: JSON.stringify(task) }],
      ...wasm.map(file => [`/wasm/${file}`, { path: join(WASM, file) }] as const),
    ]),
  };
}

/** The page with one backend in it. */
async function bundle(setUp: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `${setUp} import '../bench/peers/page';`, resolveDir: FOLDER, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    define: { 'process.env.NODE_ENV': '"production"' },
    external: ['fs', 'path', 'crypto', 'util', 'worker_threads', 'perf_hooks', 'os', 'string_decoder'],
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

function install(): boolean {
  if (Object.keys(PACKAGES).every(name => existsSync(`${FOLDER}/node_modules/${name}`))) return true;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/package.json`, JSON.stringify({ private: true, dependencies: PACKAGES }));
  // tf.js itself is found in the folder above: there must be one copy of it.
  const options = ['--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const shell = process.platform === 'win32';
  return spawnSync('npm', ['install', '--prefix', FOLDER, ...options], { stdio: 'ignore', shell }).status === 0;
}

void main();
