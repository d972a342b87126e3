/** Chromium without a window, as a process that opens one page of a server in this one. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, extname, join } from 'node:path';

/** Path of the browser: CHROME_PATH, or what is in PATH. */
export function findChromium(): string | undefined {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return names.flatMap(name => folders.map(folder => join(folder, name))).find(existsSync);
}

export interface Site {
  /** Files by address: where they lie, or what they hold. */
  readonly files: ReadonlyMap<string, { readonly path: string } | { readonly text: string }>;
  /** Whatever begins with "/models/" comes from here. */
  readonly models: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
const FLAGS = ['--headless=new', '--no-sandbox', '--no-first-run', '--disable-extensions', '--disable-dev-shm-usage'];
const LONGEST = 420_000;

/** Serves `site` on this machine alone, opens it in the browser, and returns what the page posts to /answer. */
export async function visit<Answer>(chromium: string, flags: readonly string[], site: Site): Promise<Answer> {
  const profile = mkdtempSync(join(tmpdir(), 'tfjs-prune-chromium-'));
  const { answer, address, close } = await serve<Answer>(site);
  const args = [...FLAGS, `--user-data-dir=${profile}`, ...flags, address];
  // A process group of its own: the browser is many processes.
  const browser = spawn(chromium, args, { stdio: 'ignore', detached: true });
  const ended = new Promise<never>((_, reject) => {
    browser.once('error', reject);
    browser.once('exit', code => reject(new Error(`${chromium} ended (${code}) without an answer`)));
    setTimeout(() => reject(new Error(`no answer within ${LONGEST / 1000} s`)), LONGEST).unref();
  });
  try {
    return await Promise.race([answer, ended]);
  } finally {
    const gone = browser.exitCode !== null || new Promise(resolve => browser.once('exit', resolve));
    ended.catch(() => {});
    if (browser.exitCode === null && browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    await gone;
    close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function serve<Answer>({ files, models }: Site) {
  let settle: (answer: Answer) => void;
  const answer = new Promise<Answer>(resolve => (settle = resolve));
  const contentOf = async (address: string): Promise<string | Buffer> => {
    const file = files.get(address);
    if (file === undefined) return readFile(join(models, address.replace('/models/', '')));
    return 'text' in file ? file.text : readFile(file.path);
  };
  const server = createServer((request, response) => {
    const address = request.url === '/' ? '/index.html' : String(request.url);
    const respond = async (): Promise<void> => {
      if (request.method === 'POST') {
        settle(JSON.parse(await bodyOf(request)) as Answer);
        return void response.end();
      }
      const content = await contentOf(address).catch(() => undefined);
      response.writeHead(content === undefined ? 404 : 200, {
        'content-type': TYPES[extname(address)] ?? 'application/octet-stream',
      });
      response.end(content);
    };
    void respond();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { answer, address: `http://127.0.0.1:${port}/`, close: () => server.closeAllConnections() ?? server.close() };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
