/** The guides: their snippets run, their links lead somewhere, and every code of an error has its part. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type * as L from '@tensorflow/tfjs-layers';
import * as library from 'tfjs-prune';
import { WASM } from '../backend';
import { DOCUMENTS, GUIDES, net, ROOT, run, snippetsOf } from './snippets';

beforeAll(() => library.useBackend(WASM));

const all = GUIDES.flatMap(file => snippetsOf(file).map(([line, code]) => [file, line, code] as const));

test.each(all)('%s runs: %s', async (_file, _line, code) => {
  const { made, saved } = await run(code);
  const { small, report, found } = made as { small?: L.LayersModel; report?: library.Report; found?: library.Group[] };
  if (code.includes('model: small')) {
    expect(small!.countParams()).toBeLessThan(net().countParams());
    if (report) expect(report.after.macs!).toBeLessThan(report.before.macs!);
  }
  if (found) expect(found.map(({ units, frozen }) => [units.length, frozen === undefined])).toContainEqual([6, true]);
  expect(saved).toBe(code.includes("'out/slim'"));
});

test('every code of an error has a part, and nothing else has', () => {
  const codes = readFileSync(join(ROOT, 'lib/core/errors.ts'), 'utf8').match(/^ {2}\| '[a-z-]+'/gm)!;
  const parts = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8').match(/^## .*$/gm)!;
  expect(parts.map(part => part.slice(3))).toEqual(codes.map(code => code.slice(5, -1)));
});

/** Anchors of a document, as they are made of its headings. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').match(/^#+ .*$/gm) ?? [];
  return headings.map(heading =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replace(/ /g, '-'),
  );
}

test.each(DOCUMENTS)('links of %s lead somewhere', file => {
  const text = readFileSync(join(ROOT, file), 'utf8').replace(/```[\s\S]*?```|`[^`]*`/g, '');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  const inside = links.filter(link => !/^https?:/.test(link));
  const dead = inside.filter(link => {
    const [path, anchor] = link.split('#');
    const target = path === '' ? join(ROOT, file) : join(ROOT, dirname(file), path);
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(dead).toEqual([]);
});

test('the guides are listed', () => {
  const list = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
  for (const guide of GUIDES.filter(name => name !== 'docs/README.md')) expect(list).toContain(`(${guide.slice(5)})`);
});
