/**
 * The page in Chromium (CHROME_PATH, or the one in PATH), by day and by night, wide and on a phone: what axe finds, and whether the
 * browser complains. Needs the package axe-core, or its axe.min.js in TFJS_PRUNE_AXE. Without them it says so and passes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium, visit } from '../../bench/peers/chromium';
import { toHtml } from '../../lib/report/html/page';
import { ROOT } from '../house/sources';
import { ACCOUNT } from './sample';

const chromium = findChromium();
const axe = process.env.TFJS_PRUNE_AXE ?? join(ROOT, 'node_modules/axe-core/axe.min.js');
const page = toHtml(ACCOUNT);

/** Chromium's own numbers for the two. */
const SCHEMES = { dark: 0, light: 1 };
const WIDTHS = { wide: 1200, phone: 390 };
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Answer {
  readonly violations: readonly string[];
  readonly passes: number;
  readonly dark: boolean;
  readonly width: number;
  readonly overflow: number;
}

/** Everything open, so that everything is looked at. */
const LOOK = `
  addEventListener('load', async () => {
    for (const fold of document.querySelectorAll('details')) fold.open = true;
    const { violations, passes } = await axe.run(document, { runOnly: ${JSON.stringify(RULES)} });
    const answer = {
      violations: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)),
      passes: passes.length,
      dark: matchMedia('(prefers-color-scheme: dark)').matches,
      width: innerWidth,
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    };
    await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });
  });`;

describe.each(Object.keys(SCHEMES) as (keyof typeof SCHEMES)[])('%s,', scheme => {
  test.each(Object.entries(WIDTHS))('%s: axe finds nothing, nothing is wider than the screen', async (_, width) => {
    if (chromium === undefined) return console.log('Not looked at: no Chromium. Set CHROME_PATH to one.');
    if (!existsSync(axe)) return console.log(`Not looked at: no ${axe}. Set TFJS_PRUNE_AXE to an axe.min.js.`);
    // The page's own policy would keep axe out.
    const open = page.replace(/<meta http-equiv[^>]*>/, '').replace('</body>', `<script src="/axe.js"></script><script>${LOOK}</script></body>`); // prettier-ignore
    const files = new Map([
      // A window cannot be as narrow as a phone; a frame can.
      [
        '/index.html',
        { text: `<!doctype html><iframe src="/page.html" style="border:0;width:${width}px;height:900px">` },
      ],
      ['/page.html', { text: open }],
      ['/axe.js', { path: axe }],
    ]);
    const flags = ['--window-size=1400,1000', `--blink-settings=preferredColorScheme=${SCHEMES[scheme]}`];
    const answer = await visit<Answer>(chromium, flags, { files, models: '' });
    expect(answer.violations).toEqual([]);
    expect(answer.passes).toBeGreaterThan(20);
    expect(answer).toMatchObject({ dark: scheme === 'dark', width, overflow: 0 });
  });
});

test('the browser has nothing to say, and the page stays as it was written', () => {
  if (chromium === undefined) return console.log('Not looked at: no Chromium. Set CHROME_PATH to one.');
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-prune-page-'));
  const logOf = (html: string): { readonly dom: string; readonly complaints: readonly string[] } => {
    const file = join(folder, 'page.html');
    writeFileSync(file, html);
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-dev-shm-usage',
      `--user-data-dir=${join(folder, 'profile')}`,
    ];
    const args = [...flags, '--enable-logging=stderr', '--dump-dom', `file://${file}`];
    const { stdout, stderr } = spawnSync(chromium, args, { encoding: 'utf8', maxBuffer: 1e8, timeout: 30000 });
    return { dom: stdout, complaints: stderr.split('\n').filter(line => line.includes('CONSOLE')) };
  };
  try {
    const { dom, complaints } = logOf(page);
    expect(complaints).toEqual([]);
    const tags = (html: string): readonly string[] => html.match(/<[a-z]\w*/g) ?? [];
    expect(tags(dom)).toEqual(tags(page));
    // It would have had: the policy refuses scripts.
    expect(logOf(page.replace('</body>', '<script>1</script></body>')).complaints.length).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
