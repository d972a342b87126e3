/** `tfjs-prune report`: the page that shows what a compression did, from the files beside its model. */
import { basename, dirname, join } from 'node:path';
import { replaceFiles, textFile, type WholeFile } from '../io/atomic';
import { isFolder } from '../io/folder';
import { readJsonFile } from '../io/jsonFile';
import type { Account } from '../report/account';
import { toHtml } from '../report/html/page';
import { bytes, count } from '../report/numbers';
import { plotReport, type Plot } from '../report/plots';
import { parseSensitivity } from '../report/reportFile';
import { readPlanFile, readReportFile } from '../runtime/files';
import { toPng } from '../runtime/png';
import { refusal } from './arguments';
import type { Command } from './command';
import { fileBeside } from './model';

export const reportCommand: Command = {
  name: 'report',
  summary: 'a page that shows what a compression did, and why',
  operands: ['DIR'],
  about: 'DIR: the folder of a pruned model, its model.json, or its http(s) address',
  filesOnly: true,
  options: {
    out: { value: 'FILE', help: 'the page; default: report.html in DIR' },
    plots: { value: 'FOLDER', help: 'also every drawing of the page as an SVG file' },
    png: { help: 'these as PNG files too; needs npm install @resvg/resvg-js' },
    sensitivity: { value: 'FILE', help: 'JSON of a sensitivity scan, for its curves' },
  },
  help: {
    about:
      'Reads report.json and plan.json beside a model. tfjs-prune prune writes them, and so does\n' +
      'saveLayersModel where it is given them. The page is one file that needs no network.',
    example: 'tfjs-prune report out/slim --out slim.html',
  },
  async run(given) {
    const [path] = given.paths;
    const account = await readAccount(path, given.word('sensitivity'));
    const out = given.word('out') ?? (await pageBeside(path));
    const folder = given.word('plots');
    if (given.has('png') && folder === undefined) throw refusal('--plots FOLDER for the PNG files', 'none', 'report');
    const page = textFile(basename(out), toHtml(account));
    const plots = folder === undefined ? [] : await filesOf(plotReport(account), given.has('png'));
    await write('--out', dirname(out), [page]);
    if (folder !== undefined) await write('--plots', folder, plots);
    if (given.has('json')) return JSON.stringify({ out, plots: plots.map(({ name }) => name), ...account }, null, 2);
    const beside = folder === undefined ? '' : `\nwritten: ${count(plots.length)} files in ${folder}`;
    return `written: ${out} (${bytes(page.parts[0].length)})${beside}`;
  },
};

async function readAccount(path: string, scan: string | undefined): Promise<Account> {
  const report = await readReportFile(fileBeside(path, 'report.json'));
  const plan = await readPlanFile(fileBeside(path, 'plan.json'));
  if (scan === undefined) return { report, plan };
  const { json } = await readJsonFile(scan, { caller: '--sensitivity', main: 'sensitivity.json' });
  return { report, plan, sensitivity: parseSensitivity(json, `--sensitivity "${scan}"`) };
}

async function filesOf(plots: readonly Plot[], png: boolean): Promise<readonly WholeFile[]> {
  const files = plots.map(({ name, svg }) => textFile(`${name}.svg`, svg));
  if (!png) return files;
  const pixels = await Promise.all(plots.map(({ svg }) => toPng(svg)));
  return [...files, ...plots.map(({ name }, i) => ({ name: `${name}.png`, parts: [pixels[i]] }))];
}

async function pageBeside(path: string): Promise<string> {
  if (/^https?:/i.test(path)) throw refusal('--out FILE for a DIR that is an address', 'none', 'report');
  return join((await isFolder(path)) ? path : dirname(path), 'report.html');
}

/** All of them or none. */
async function write(option: string, directory: string, files: readonly WholeFile[]): Promise<void> {
  const [main, ...beside] = files;
  if (main === undefined) return;
  await replaceFiles(`${option} "${directory}"`, directory, { main, beside });
}
