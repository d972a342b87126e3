/** Models from addresses, off a server of our own. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { loadLayersModel, readPlanFile, saveLayersModel } from '../../lib/runtime/files';
import { CPU_KERNELS } from '../backend';
import { rejection } from '../zoo/refusal';
import { contents, editModelJson, newFolder, removeFolders, shardPaths } from './folder';
import { outputsOf, perceptron } from './models';
import { PLAN } from './plan';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let root: string;
let answer: Answer;
let asked: string[];

/** The files of `folder`; null bytes in a name and the like are not for it to judge. */
const files =
  (folder: string): Answer =>
  ({ url }, response) => {
    try {
      const { pathname } = new URL(url!, root);
      response.end(readFileSync(join(folder, decodeURIComponent(pathname).replace(/^\/models\//, ''))));
    } catch {
      response.writeHead(404).end();
    }
  };

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend(CPU_KERNELS);
  server = createServer((request, response) => {
    asked.push(request.url!);
    answer(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => (asked = []));
afterEach(removeFolders);
afterAll(() => {
  server.closeAllConnections();
  return new Promise(resolve => server.close(resolve));
});

async function saved(): Promise<{ folder: string; outputs: number[][] }> {
  const model = perceptron();
  const folder = newFolder();
  await saveLayersModel(model, folder, { plan: PLAN });
  const outputs = await outputsOf(model);
  model.dispose();
  answer = files(folder);
  return { folder, outputs };
}

test.each(['/models/model.json', '/models/', '/models/model.json?key=a%20b', '/models/?key=1#top'])(
  'a model is read from %s',
  async path => {
    const { folder, outputs } = await saved();
    const model = await loadLayersModel(root + path);
    expect(await outputsOf(model)).toEqual(outputs);
    model.dispose();
    const query = new URL(path, root).search;
    const shard = shardPaths(folder)[0].slice(folder.length + 1);
    expect(asked).toEqual([`/models/model.json${query}`, `/models/${shard}${query}`]);
  },
);

test('a plan is read from an address', async () => {
  await saved();
  expect(await readPlanFile(`${root}/models/`)).toEqual(PLAN);
});

test('a model is read from a file: address, as with tfjs-node', async () => {
  const { folder, outputs } = await saved();
  for (const path of [`file://${folder}`, pathToFileURL(join(folder, 'model.json')).href]) {
    const model = await loadLayersModel(path);
    expect(await outputsOf(model)).toEqual(outputs);
    model.dispose();
  }
});

test('in a browser, which has no folders, a path is an address', async () => {
  const { outputs } = await saved();
  const { versions } = process;
  Object.defineProperty(process, 'versions', { value: {}, configurable: true });
  Object.assign(globalThis, { location: { href: `${root}/models/page.html` } });
  try {
    const model = await loadLayersModel('model.json');
    expect(await outputsOf(model)).toEqual(outputs);
    model.dispose();
    expect((await rejection(loadLayersModel('http://'))).message).toMatch(/expected an address, got none/);
  } finally {
    Reflect.deleteProperty(globalThis, 'location');
    Object.defineProperty(process, 'versions', { value: versions, configurable: true });
  }
});

describe('a model from files that a user chose', () => {
  const given = (folder: string): File[] =>
    readdirSync(folder).map(name => new File([readFileSync(join(folder, name))], name));

  test('is read whatever its description is called', async () => {
    const { folder, outputs } = await saved();
    const files = given(folder).filter(({ name }) => name !== 'plan.json');
    const renamed = files.map(file => (file.name === 'model.json' ? new File([file], 'digits.json') : file));
    for (const chosen of [given(folder), files.reverse(), renamed]) {
      const model = await loadLayersModel(chosen);
      expect(await outputsOf(model)).toEqual(outputs);
      model.dispose();
    }
  });

  test('is refused when something is missing, too long, or not one model', async () => {
    const { folder } = await saved();
    const files = given(folder);
    const [main, shard] = ['model.json', '.bin'].map(end => files.find(({ name }) => name.endsWith(end))!);
    const cases: [File[], RegExp][] = [
      [[], /^loadLayersModel: expected one model file, got no file\. Choose model\.json and/],
      [[shard], /got "group1.*\.bin"/],
      [[new File(['{}'], 'a.json'), new File(['{}'], 'b.json')], /got "a\.json", "b\.json"/],
      [
        [main],
        /^loadLayersModel "group1.*": expected a shard named in "model\.json", got no such file\. Choose it together/,
      ],
      [[main, new File([shard, shard], shard.name)], /bytes or more where at most/],
      [[main, new File([], shard.name)], /got 0 \(/],
      [[new File(['<!doctype html>'], 'model.json'), shard], /expected JSON, got "<!doctype html>"/],
    ];
    for (const [chosen, message] of cases) {
      const error = await rejection(loadLayersModel(chosen));
      expect(error.code).toBe('bad-file');
      expect(error.message).toMatch(message);
    }
  });
});

test('names of shards are names, not parts of an address', async () => {
  const { folder } = await saved();
  for (const path of ['%2e%2e/secret.bin', 'a?b#c.bin', 'sub folder/x.bin']) {
    asked = [];
    editModelJson(folder, json => void (json.weightsManifest[0].paths = [path]));
    const error = await rejection(loadLayersModel(`${root}/models/`));
    expect(error.message).toMatch(/a shard named in ".*", got status 404/);
    expect(asked[1]).toBe(`/models/${path.split('/').map(encodeURIComponent).join('/')}`);
  }
  editModelJson(folder, json => void (json.weightsManifest[0].paths = ['http://other.host/x.bin']));
  expect((await rejection(loadLayersModel(`${root}/models/`))).message).toContain('inside the folder');
});

describe('loading refuses', () => {
  const cases: [string, Answer, RegExp][] = [
    [
      'what is not there',
      (_, response) => response.writeHead(404, 'Not Found').end(),
      /a model file, got status 404 Not Found/,
    ],
    ['a server in trouble', (_, response) => response.writeHead(500).end(), /got status 500/],
    ['a page', (_, response) => response.end('<!doctype html>'), /expected JSON, got "<!doctype html>"/],
    ['a connection that breaks', (_, response) => response.destroy(), /Check the address and the network/],
    [
      'half of an answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{', () => response.destroy());
      },
      /Check the address and the network/,
    ],
  ];
  test.each(cases)('%s', async (_, how, message) => {
    answer = how;
    const error = await rejection(loadLayersModel(`${root}/models/model.json`));
    expect(error.code).toBe('bad-file');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`loadLayersModel "${root}/models/model.json"`);
  });

  test('a shard without end as soon as it is too long', async () => {
    const { folder } = await saved();
    let sent = 0;
    answer = (request, response) => {
      if (request.url!.endsWith('model.json')) return files(folder)(request, response);
      const more = (): void => {
        sent += 65536;
        if (!response.destroyed) response.write(Buffer.alloc(65536), () => setImmediate(more));
      };
      more();
    };
    const error = await rejection(loadLayersModel(`${root}/models/`));
    expect(error.message).toMatch(/where at most 228 belong/);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('a shard that ends early', async () => {
    const { folder } = await saved();
    answer = (request, response) =>
      request.url!.endsWith('model.json') ? files(folder)(request, response) : void response.end('short');
    expect((await rejection(loadLayersModel(`${root}/models/`))).message).toMatch(/228 bytes .* got 5/);
  });

  test('no server, and what is no address', async () => {
    expect((await rejection(loadLayersModel('http://127.0.0.1:1/model.json'))).message).toMatch(/ECONNREFUSED|network/);
    expect((await rejection(loadLayersModel('http://[/model.json'))).message).toMatch(/expected an address/);
  });
});

test('loading can be aborted', async () => {
  answer = () => undefined;
  const controller = new AbortController();
  const loading = loadLayersModel(`${root}/models/`, { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  expect((await rejection(loading)).code).toBe('aborted');
  const { folder } = await saved();
  expect((await rejection(loadLayersModel(folder, { signal: controller.signal }))).code).toBe('aborted');
  expect(Object.keys(contents(folder))).toContain('model.json');
});
