import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { toHtml } from '../../lib/report/html/page';
import type { Account } from '../../lib/report/account';
import { useBackend } from '../../lib/runtime/backend';
import { readPlanFile, readReportFile } from '../../lib/runtime/files';
import { tryImport } from '../../lib/runtime/optional';
import { WASM } from '../backend';
import { newFolder, removeFolders } from '../io/folder';
import { ACCOUNT } from '../report/sample';
import { refusalOf, run, savedNet } from './run';

beforeAll(async () => {
  await useBackend(WASM);
});
afterEach(removeFolders);

async function pruned(): Promise<string> {
  const [folder, small] = [await savedNet('residual'), newFolder()];
  expect((await run('prune', folder, '--out', small, '--no-latency')).error).toEqual([]);
  return small;
}

const read = (file: string): string => readFileSync(file, 'utf8');

test('writes the page of what prune has written, and says where', async () => {
  const small = await pruned();
  const before = readdirSync(small);
  const { code, out, error } = await run('report', small);
  const page = join(small, 'report.html');
  expect([code, error]).toEqual([0, []]);
  expect(out).toEqual([expect.stringMatching(/^written: .*report\.html \([\d.]+ kB\)$/)]);
  expect(out[0]).toContain(page);
  expect(readdirSync(small).sort()).toEqual([...before, 'report.html'].sort());
  expect(read(page)).toBe(toHtml({ report: await readReportFile(small), plan: await readPlanFile(small) }));
  expect(read(page)).toContain('3 of 6 channels stay');
  expect((await run('report', join(small, 'model.json'))).out).toEqual(out);
});

test('--out, --plots and --sensitivity', async () => {
  const [small, to] = [await pruned(), newFolder()];
  const scan = join(to, 'scan.json');
  writeFileSync(scan, JSON.stringify(ACCOUNT.sensitivity));
  const [out, plots] = [join(to, 'deep', 'page.html'), join(to, 'plots')];
  const { out: said } = await run('report', small, '--out', out, '--plots', plots, '--sensitivity', scan);
  const files = readdirSync(plots).sort();
  expect(files).toEqual(['cost.svg', 'group-1-stem.svg', 'group-2-a.svg', 'groups.svg', 'sensitivity.svg', 'widths.svg']); // prettier-ignore
  expect(said[0]).toMatch(/\nwritten: 6 files in .*plots$/);
  for (const file of files) expect(read(join(plots, file))).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  expect(read(out)).toContain('Accuracy when one group alone loses units by l1');
  expect(existsSync(join(small, 'report.html'))).toBe(false);
});

test('--png makes a PNG of each drawing where there is the package for it, and no file at all where there is not', async () => {
  const [small, to] = [await pruned(), newFolder()];
  const [out, plots] = [join(to, 'page.html'), join(to, 'plots')];
  expect(await refusalOf('report', small, '--png')).toMatch(/expected --plots FOLDER for the PNG files, got none/);
  if (await tryImport('@resvg/resvg-js')) {
    const said = await refusalOf('report', small, '--out', out, '--plots', plots, '--png');
    expect(said).toMatch(/Run "npm install @resvg\/resvg-js"\.$/);
    expect(readdirSync(to)).toEqual([]);
    return console.log('Not drawn: no @resvg/resvg-js.');
  }
  await run('report', small, '--out', out, '--plots', plots, '--png');
  const names = readdirSync(plots).map(name => name.split('.'));
  const [svg, png] = ['svg', 'png'].map(ending => names.filter(([, end]) => end === ending).map(([name]) => name));
  expect(png).toEqual(svg);
  expect(png).toHaveLength(5);
});

test('--json prints what the page shows', async () => {
  const small = await pruned();
  const { out } = await run('report', small, '--json');
  const { out: file, plots, ...account } = JSON.parse(out[0]) as Account & { out: string; plots: string[] };
  expect([file, plots]).toEqual([join(small, 'report.html'), []]);
  expect(account).toEqual({ report: await readReportFile(small), plan: await readPlanFile(small) });
});

test('an address, of which the page lies elsewhere', async () => {
  const [small, to] = [await pruned(), newFolder()];
  const server = createServer((request, response) => {
    const file = join(small, String(request.url).slice(1));
    response.writeHead(existsSync(file) ? 200 : 404).end(existsSync(file) ? readFileSync(file) : '');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    expect(await refusalOf('report', address)).toMatch(/expected --out FILE for a DIR that is an address, got none/);
    const { code } = await run('report', address, '--out', join(to, 'page.html'));
    expect(code).toBe(0);
  } finally {
    server.close();
  }
  await run('report', small);
  expect(read(join(to, 'page.html'))).toBe(read(join(small, 'report.html')));
});

test('refusals name the file', async () => {
  const small = await pruned();
  const scan = join(small, 'scan.json');
  expect(await refusalOf('report', join(small, 'none'))).toMatch(/a file report\.json, got no such file/);
  expect(await refusalOf('report', small, '--sensitivity', scan)).toMatch(/--sensitivity ".*scan\.json".*no such file/);
  writeFileSync(scan, '{"criterion":"l1"}');
  expect(await refusalOf('report', small, '--sensitivity', scan)).toMatch(/expected an object as dense, got none/);
  writeFileSync(join(small, 'file'), '');
  expect(await refusalOf('report', small, '--out', join(small, 'file', 'page.html'))).toMatch(/--out ".*file": expected a folder to write into/); // prettier-ignore
  expect(await refusalOf('report', small, '--plots', join(small, 'file'))).toMatch(
    /--plots ".*file": expected a folder/,
  );
  rmSync(join(small, 'plan.json'));
  expect(await refusalOf('report', small)).toMatch(/a file plan\.json, got no such file/);
});
