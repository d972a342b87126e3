/**
 * The page of examples/browser as a user has it, in Chromium without a window (CHROME_PATH, or the one in PATH): a model is pruned,
 * fine-tuned, measured and downloaded; the download runs in plain tf.js. Where there is no Chromium it says so and succeeds.
 * `npm run test:browser -- --screenshots FOLDER` keeps pictures.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import puppeteer from 'puppeteer-core';
import { tsImport } from 'tsx/esm/api';
import { buildPage, servePage } from './browser-page.mjs';

const { values } = parseArgs({ options: { screenshots: { type: 'string' } } });
const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--no-first-run', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist']; // prettier-ignore
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Of 8x8 digits, as many epochs as show that training helps. */
const EPOCHS = 4;
const LONGEST = 60_000;

const { findChromium } = await tsImport('../bench/peers/chromium.ts', import.meta.url);
const executablePath = findChromium();
if (executablePath === undefined) {
  console.log('The test of the page is skipped: no Chromium. Set CHROME_PATH to one.');
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'tfjs-prune-page-'));
const downloads = join(folder, 'downloads');
const site = join(folder, 'site');
/** What the browser says that it should not, and hosts that are not ours. */
const complaints = [];
let failures = 0;

await buildPage(site);
const { address, close } = await servePage(site);
const browser = await puppeteer.launch({ executablePath, headless: true, args: FLAGS });
const page = await openPage();
const session = await page.createCDPSession();
await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads });
try {
  await check('the page opens and asks for a model', opens);
  await check('the digits example shows its groups and data', showsDigits);
  await check(
    'a model that is damaged, or has no weights, gives its message, and the one before is gone',
    refusesModels,
  );
  await check('Stop stops', stops);
  await check('pruning with fine-tuning: accuracy, certificate, cost', prunes);
  await check('latency is shown for each backend that there is', showsLatency);
  await check('the download, in plain tf.js, has the accuracy and the loss that the page shows', loadsInPlainTf);
  await check('model, data, settings and result survive a reload', survivesReload);
  await check('data that does not fit gives its message', refusesData);
  await check('images in folders are data, too', takesImages);
  await check('all can be done by keyboard', worksByKeyboard);
  await check('the browser had nothing to complain of, and no other host was asked', () =>
    assert.deepEqual(complaints, []),
  );
} finally {
  await browser.close();
  close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = failures === 0 ? 0 : 1;

async function opens() {
  await page.goto(address);
  assert.equal(await page.title(), 'tfjs-prune');
  assert.equal(await page.$eval('#prune', button => button.disabled), true);
  assert.equal(await page.$eval('#data-files', input => input.disabled), true);
  await look('1-before');
}

async function showsDigits() {
  await page.click('#use-digits');
  await text('#data-view', /For training/);
  await idle();
  const view = await text('#model-view', /77\.9\sk/);
  assert.match(view, /takes 8\s×\s8\s×\s1 and gives 10/);
  assert.match(view, /stage1_block1_conv2/);
  // The residual stream is one group, with the reason why.
  await page.$$eval('details', folds => folds.forEach(fold => (fold.open = true)));
  assert.ok((await page.$$('#model-view svg[role=img]')).length > 3);
  assert.match(await text('#model-view', /ties them position by position/), /stage1_block1_add/);
  await look('2-model');
  await page.$$eval('details', folds => folds.forEach(fold => (fold.open = false)));
}

async function refusesModels() {
  const json = readFileSync(join(site, 'digits/model.json'), 'utf8');
  const broken = file('model.json', json.slice(0, 1000));
  await choose('#model-files', [broken]);
  await text('#model-view .error', /loadLayersModel "model\.json": expected JSON/);
  await look('error');
  await choose('#model-files', [file('model.json', json)]);
  await text('#model-view .error', /got no such file\. Choose it together with model\.json/);
  const { weightsManifest } = JSON.parse(json);
  const [shard] = weightsManifest[0].paths;
  const weights = readFileSync(join(site, 'digits', shard));
  await choose('#model-files', [file('model.json', json), file(shard, weights.subarray(0, 5000))]);
  await text('#model-view .error', /bytes of weights in 1 shards, got 5000/);
  await choose('#model-files', [file('model.json', json), file(shard, Buffer.alloc(weights.length, 0xff))]);
  await text('#model-view .error', /NaN/);
  assert.equal(await page.$eval('#prune', button => button.disabled), true);
  await page.click('#use-digits');
  await text('#data-view', /For training/);
  await idle();
}

async function stops() {
  await set('#epochs', 200);
  await page.click('#prune');
  await text('#progress-text', /fine-tune/);
  await look('3-during');
  await page.click('#stop');
  await text('#status', /^Stopped\./);
  await idle();
  assert.equal(await page.$eval('#result-section', section => section.hidden), true);
  // What is pruned already stays when only the measuring is stopped.
  await set('#epochs', 0);
  await page.click('#prune');
  await text('#progress-text', /Measuring/);
  await page.click('#stop');
  await text('#status', /measuring was stopped/);
  await idle();
  assert.match(await text('#latency-view', /not measured/), /not measured/);
}

async function prunes() {
  await set('#epochs', EPOCHS);
  await set('#amount', 60);
  await page.click('#prune');
  await text('#progress-text', /Measuring/);
  const view = await text('#result-view', /Certificate/);
  assert.match(view, /the cut is exact/);
  const of = Object.fromEntries((await rowsOf('#result-view')).map(cells => [cells[0], parseFloat(cells[3])]));
  assert.ok(of.dense > 95 && of['fine-tuned'] > 85 && of['fine-tuned'] > of.pruned, JSON.stringify(of));
  assert.match(view, /Parameters77\.9\sk → 1\d\.\d\sk/);
}

async function showsLatency() {
  await text('#status', /^Done/);
  await idle();
  const rows = await rowsOf('#latency-view');
  assert.deepEqual(rows.map(([name]) => name), ['WASM', 'WebGL', 'WebGPU']); // prettier-ignore
  const [wasm, ...others] = rows;
  assert.match(wasm.join(' '), /^WASM [\d.]+\sms [\d.]+\sms [\d.]+\s× (1|32)$/);
  for (const row of others) assert.match(row.join(' '), /\sms .*\sms .*× (1|32)$|not available$/);
  console.log(rows.map(row => `          ${row.join('  ')}`).join('\n'));
  await look('4-after');
}

/** Of the saved files alone: accuracy and loss on the examples that the page kept apart are those that it shows. */
async function loadsInPlainTf() {
  for (const name of ['model.json', 'weights.bin']) {
    await page.click(`#downloads a[download="${name}"]`);
    await until(() => existsSync(join(downloads, name)), `a download ${name}`);
  }
  const tf = require('@tensorflow/tfjs-core');
  tf.env().set('IS_TEST', true); // it would print an advertisement
  const { test } = await digitsApart();
  require('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  const { weightsManifest, ...json } = JSON.parse(readFileSync(join(downloads, 'model.json'), 'utf8'));
  assert.deepEqual(weightsManifest[0].paths, ['weights.bin']);
  const weightData = new Uint8Array(readFileSync(join(downloads, 'weights.bin'))).buffer;
  const artifacts = { ...json, weightSpecs: weightsManifest[0].weights, weightData };
  const model = await require('@tensorflow/tfjs-layers').loadLayersModel(tf.io.fromMemory(artifacts));
  const answers = model.predict(tf.tensor(test.inputs.data, test.inputs.shape), { batchSize: 64 }).arraySync();
  const labels = [...test.targets.data];
  const right = labels.filter((label, i) => answers[i].indexOf(Math.max(...answers[i])) === label).length;
  const loss = labels.reduce((sum, label, i) => sum - Math.log(answers[i][label]), 0) / labels.length;
  const [, , , accuracy, shownLoss] = (await rowsOf('#result-view')).find(([name]) => name === 'fine-tuned');
  assert.equal(accuracy, `${((100 * right) / labels.length).toFixed(1)}\u00a0%`);
  assert.ok(Math.abs(loss - Number(shownLoss)) < 0.001, `the loss is ${loss}, the page shows ${shownLoss}`);
}

async function digitsApart() {
  const { parseCsv, split } = await tsImport('../examples/browser/data.ts', import.meta.url);
  const wanted = { shape: [8, 8, 1], classes: 10 };
  const text = gunzipSync(readFileSync(join(root, 'examples/data/digits.csv.gz'))).toString();
  return split(parseCsv('digits', text, wanted), wanted);
}

async function survivesReload() {
  const shown = () => page.$$eval('#model-view, #data-view, #result-view, #latency-view', views => views.map(({ textContent }) => textContent)); // prettier-ignore
  const before = await shown();
  await page.reload();
  await text('#result-view', /Certificate/);
  await idle();
  assert.deepEqual(await shown(), before);
  assert.equal(await page.$eval('#amount', input => input.value), '60');
  assert.equal(await page.$eval('#epochs', input => Number(input.value)), EPOCHS);
  await page.click('#result-section summary');
  const report = await page.waitForFrame(frame => frame.parentFrame() !== null);
  assert.match(await report.$eval('h1', title => title.textContent), /^prune\(l1\) -> fineTune/);
  await until(() => page.$eval('#report', ({ offsetHeight }) => offsetHeight > 1000), 'a report in full height');
  await look('5-report');
  await page.click('#result-section summary');
}

async function refusesData() {
  const row = Array.from({ length: 64 }, () => 1).join(',');
  const twelve = end => Array.from({ length: 12 }, () => row + end).join('\n');
  const cases = [
    ['', /at least 10 examples, got 0/],
    ['1,2,3\n', /row 1: expected 64 values for the input \[8, 8, 1\], then the class, got 3 columns/],
    [twelve(',11'), /a class 0 to 9, got 11/],
    [twelve(',x'), /expected a number, got "x"/],
  ];
  for (const [content, message] of cases) {
    await choose('#data-files', [file('bad.csv', content)]);
    await text('#data-view .error', message);
    await idle();
  }
  await choose('#data-folder', [folderWith({ 'notes/a.txt': 'none' })]);
  await text('#data-view .error', /expected a CSV file or images/);
  await idle();
}

/** A gray square for each class, drawn by the browser itself. */
async function takesImages() {
  const pictures = await page.evaluate(() =>
    ['#000', '#888', '#fff'].map(colour => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 20, height: 10 });
      const context = canvas.getContext('2d');
      context.fillStyle = colour;
      context.fillRect(0, 0, 20, 10);
      return canvas.toDataURL().split(',')[1];
    }),
  );
  const files = pictures.flatMap((data, i) =>
    Array.from({ length: 6 }, (_, at) => [`${'cab'[i]}/${at}.png`, Buffer.from(data, 'base64')]),
  );
  await choose('#data-folder', [folderWith({ ...Object.fromEntries(files), 'd/0.png': 'no image' })]);
  await text('#data-view .error', /d\/0\.png": expected an image/);
  await idle();
  await drop('#data-drop', [folderWith(Object.fromEntries(files))]);
  const view = await text('#data-view', /For training/);
  assert.match(view, /For training12.*best epoch2.*accuracy4.*Classesa, b, c/);
  await idle();
}

/** By Tab from the first control on: everything can be reached, and what is reached can be seen. */
async function worksByKeyboard() {
  await page.focus('#model-files');
  const reached = ['model-files'];
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    const { id, ring } = await page.evaluate(() => {
      const { activeElement: at } = document;
      if (at === document.body) return {};
      const outlined = at.closest('.drop') ?? at;
      return { id: at.id, ring: getComputedStyle(outlined).outlineStyle };
    });
    if (id === undefined || (reached.includes(id) && id !== '')) break;
    if (id !== '') reached.push(id);
    // In the report it is the report that shows it.
    if (id !== 'report') assert.equal(ring, 'solid', `"${id}" shows no focus`);
  }
  const wanted = ['model-files', 'use-digits', 'data-files', 'data-folder', 'budget', 'amount', 'criterion', 'epochs', 'prune', 'clear']; // prettier-ignore
  for (const id of wanted) assert.ok(reached.includes(id), `${id} is not reached: ${reached}`);
  await page.focus('#amount');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.$eval('#amount-shown', shown => shown.textContent), '65 %');
}

/** By day and by night, wide and on a phone: a picture of each, what axe finds, and whether anything is wider than the screen. */
async function look(name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    for (const width of [1200, 390]) {
      await page.setViewport({ width, height: 900 });
      if (values.screenshots) {
        mkdirSync(values.screenshots, { recursive: true });
        await page.screenshot({ path: join(values.screenshots, `${name}-${scheme}-${width}.png`), fullPage: true });
      }
      const over = await page.$eval('html', ({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
      assert.equal(over, 0, `${name}: wider than a screen of ${width} px`);
    }
    const violations = await page.evaluate(async rules => {
      const found = await window.axe.run(document, { runOnly: rules, iframes: false });
      return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    }, RULES);
    assert.deepEqual(violations, [], `${name}, ${scheme}`);
  }
  await page.setViewport({ width: 1200, height: 900 });
}

async function openPage() {
  const opened = await browser.newPage();
  await opened.setViewport({ width: 1200, height: 900 });
  await opened.evaluateOnNewDocument(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  opened.setDefaultTimeout(LONGEST);
  opened.on('pageerror', error => complaints.push(String(error)));
  opened.on('console', message => {
    // What a driver of graphics says of its own speed is not about the page.
    if (/^\[\.WebGL/.test(message.text())) return;
    if (['error', 'warn', 'assert'].includes(message.type())) complaints.push(message.text());
  });
  opened.on('request', request => {
    const url = request.url();
    if (!url.startsWith(address) && !/^(data|blob|about):/.test(url)) complaints.push(`asked ${url}`);
  });
  return opened;
}

/** Waits until what `selector` finds says something like `pattern`; gives all that it says. */
async function text(selector, pattern) {
  const found = () => page.$$eval(selector, all => all.map(({ textContent }) => textContent).join(' ')).catch(() => '');
  await until(async () => pattern.test(await found()), async () => `${selector} to say ${pattern}, not "${(await found()).slice(0, 300)}"`); // prettier-ignore
  return found();
}

async function until(holds, what) {
  for (const end = Date.now() + LONGEST; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 50))) {
    if (await holds()) return;
  }
  throw new Error(`waited ${LONGEST / 1000} s for ${typeof what === 'string' ? what : await what()}`);
}

/** Nothing is under way. */
async function idle() {
  await page.waitForSelector('#stop', { hidden: true });
}

async function rowsOf(selector) {
  return page.$$eval(`${selector} tbody tr`, rows => rows.map(({ cells }) => [...cells].map(cell => cell.textContent)));
}

async function set(selector, value) {
  await page.$eval(
    selector,
    (input, to) => {
      input.value = to;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    },
    value,
  );
}

async function choose(selector, paths) {
  const input = await page.$(selector);
  await input.uploadFile(...paths);
}

async function drop(selector, paths) {
  const { x, y } = await page.$eval(selector, place => {
    place.scrollIntoView({ block: 'center' });
    const { left, top, width, height } = place.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  });
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await session.send('Input.dispatchDragEvent', { type, x, y, data });
}

function file(name, content) {
  const path = join(mkdtempSync(join(folder, 'file-')), name);
  writeFileSync(path, content);
  return path;
}

function folderWith(files) {
  const top = mkdtempSync(join(folder, 'images-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(top, name, '..'), { recursive: true });
    writeFileSync(join(top, name), content);
  }
  return top;
}

async function check(name, action) {
  const start = performance.now();
  try {
    await action();
    console.log(`  ok      ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures++;
    console.log(`  FAILED  ${name}\n${String(error.message).replace(/^/gm, '          ')}`);
  }
}
