/** The page of examples/browser: built of what users get of the library, and served on this machine alone. */
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { haveIn } from './own-folder.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'examples/browser');
const wasm = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
/** Backends that only pages need, in a folder of their own, which is also that of bench/browser.ts. */
const folder = join(root, '.browser');
const EXTRA = { '@tensorflow/tfjs-backend-webgl': '4.22.0', '@tensorflow/tfjs-backend-webgpu': '4.22.0' };
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** Fills the folder `out`. Without WebGL and WebGPU where their packages cannot be had. */
export async function buildPage(out) {
  await import('./build-browser.mjs');
  const extra = haveIn(folder, EXTRA) ? Object.keys(EXTRA) : [];
  const lines = [...extra.map(name => `import '${name}';`), "import './worker.ts';"];
  const shared = {
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
    alias: { 'tfjs-prune': join(root, 'dist/browser/index.mjs') },
    nodePaths: [join(folder, 'node_modules')],
  };
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, 'digits'), { recursive: true });
  await build({ ...shared, entryPoints: [join(page, 'main.ts')], outfile: join(out, 'main.js') });
  const contents = lines.join('\n');
  await build({ ...shared, stdin: { contents, resolveDir: page, loader: 'ts' }, outfile: join(out, 'worker.js') });
  for (const name of ['index.html', 'style.css']) cpSync(join(page, name), join(out, name));
  const isFile = path => !path.endsWith('.ts');
  cpSync(join(page, 'digits'), join(out, 'digits'), { recursive: true, filter: isFile });
  cpSync(join(root, 'examples/data/digits.csv.gz'), join(out, 'digits/digits.csv.gz'));
  const isWasm = path => path === wasm || path.endsWith('.wasm');
  cpSync(wasm, join(out, 'wasm'), { recursive: true, filter: isWasm });
}

/** Port 0: any that is free. */
export async function servePage(out, port = 0) {
  const server = createServer(({ url }, response) => {
    const [path, content] = fileAt(out, url);
    if (content === undefined) return response.writeHead(404).end();
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' }).end(content);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const close = () => (server.closeAllConnections(), server.close());
  return { address: `http://127.0.0.1:${server.address().port}/`, close };
}

/** Path and content; neither for what is no file of that folder. */
function fileAt(folder, url) {
  try {
    const { pathname } = new URL(url, 'http://localhost');
    const path = join(folder, normalize(decodeURIComponent(pathname === '/' ? '/index.html' : pathname)));
    return path.startsWith(join(folder, sep)) ? [path, readFileSync(path)] : [];
  } catch {
    return [];
  }
}
