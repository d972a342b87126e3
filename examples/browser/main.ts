/** The page: what the user does goes to the worker, what it answers into the page and what survives a reload. */
import { startWorker, Refused, type Helper } from './ask';
import { dropped, filesFrom } from './choose';
import { byId, element, failure } from './elements';
import type { BackendName, Chosen, Outcome, Pixels, Settings } from './messages';
import { forget, keep, recall, type Result, type Speed } from './store';
import { BACKENDS, dataView, modelView, resultView, speedView } from './views';

const START: Settings = { criterion: 'magnitude', budget: 'uniform', amount: 50, epochs: 10 };

const worker = startWorker();
/** The worker that measures just now; one for each backend, so that none slows another. */
let timer: Helper | undefined;
let hasModel = false;
/** What the worker has read, to be read again when pixels shall become something else. */
let dataFiles: readonly Chosen[] | undefined;
let hasResult = false;
let isBusy = false;
let isStopped = false;
let urls: string[] = [];

const input = (id: string) => byId<HTMLInputElement>(id);

function settings(): Settings {
  return {
    criterion: input('criterion').value as Settings['criterion'],
    budget: input('budget').value as Settings['budget'],
    amount: Number(input('amount').value),
    epochs: dataFiles ? Number(input('epochs').value) : 0,
  };
}

function showSettings({ criterion, budget, amount, epochs }: Settings): void {
  input('criterion').value = criterion;
  input('budget').value = budget;
  input('amount').value = String(amount);
  input('epochs').value = String(epochs);
}

/** What can be done now. */
function refresh(): void {
  byId('amount-shown').textContent = `${input('amount').value} %`;
  byId('epochs-hint').textContent = dataFiles ? '' : 'Needs data; without it the cut is all that is done.';
  input('epochs').disabled = !dataFiles;
  const taylor = document.querySelector<HTMLOptionElement>('[data-needs-data]')!;
  taylor.disabled = !dataFiles;
  if (!dataFiles && taylor.selected) input('criterion').value = START.criterion;
  input('prune').disabled = isBusy || !hasModel;
  for (const id of ['data-files', 'data-folder']) input(id).disabled = isBusy || !hasModel;
  for (const id of ['model-files', 'use-digits', 'clear', 'pixels']) input(id).disabled = isBusy;
  byId('stop').hidden = !isBusy;
  byId('progress-view').hidden = !isBusy;
}

function say(text: string): void {
  byId('status').textContent = text;
}

/** One thing at a time. What fails shows in `place`; false then. */
async function during(place: HTMLElement, what: string, work: () => Promise<void>): Promise<boolean> {
  [isBusy, isStopped] = [true, false];
  progress({ text: what, share: 0 });
  refresh();
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof Refused && error.code === 'aborted') say('Stopped. Nothing was changed.');
    else place.replaceChildren(failure((error as Error).message));
    return false;
  } finally {
    isBusy = false;
    refresh();
  }
}

function progress({ text, share }: { readonly text: string; readonly share: number }): void {
  byId('progress-text').textContent = text;
  byId<HTMLProgressElement>('progress').value = share;
}

/** `isKept`: by the browser already. */
async function openModel(files: readonly File[], isKept = false): Promise<boolean> {
  say('');
  const view = byId('model-view');
  return during(view, 'Reading the model', async () => {
    hasModel = hasResult = false;
    dataFiles = undefined;
    byId('result-section').hidden = true;
    byId('data-view').replaceChildren();
    if (!isKept) await Promise.all([keep('model', undefined), keep('data', undefined), keep('result', undefined)]);
    view.replaceChildren(...modelView(await worker.ask('model', { files })));
    hasModel = true;
    if (!isKept) await keep('model', files);
  });
}

async function openData(files: readonly Chosen[], isKept = false): Promise<boolean> {
  say('');
  const view = byId('data-view');
  return during(view, 'Reading the data', async () => {
    dataFiles = undefined;
    if (!isKept) await keep('data', undefined);
    await worker.ask('forgetData', {});
    view.replaceChildren(...dataView(await worker.ask('data', { files, pixels: input('pixels').value as Pixels })));
    dataFiles = files;
    if (!isKept) await keep('data', files);
  });
}

async function prune(): Promise<void> {
  say('');
  byId('result-section').hidden = true;
  await during(byId('status'), 'Starting', async () => {
    const outcome = await worker.ask('prune', { settings: settings() }, progress);
    showResult({ outcome, speeds: {} });
    await keep('result', { outcome, speeds: {} });
    const speeds = await measure(outcome);
    await keep('result', { outcome, speeds });
    say(isStopped ? 'Pruned; measuring was stopped.' : 'Done: the result stands below.');
  });
  byId('result-section').hidden = !hasResult;
}

/** Backend after backend, each in a worker of its own. */
async function measure({ before, after }: Outcome): Promise<Result['speeds']> {
  const speeds: Partial<Record<BackendName, Speed>> = {};
  for (const [i, backend] of BACKENDS.entries()) {
    if (isStopped) break;
    progress({ text: `Measuring both models on ${backend}`, share: i / BACKENDS.length });
    byId('latency-view').replaceChildren(speedView({ ...speeds, [backend]: 'running' }));
    timer = startWorker();
    const asked = timer.ask('time', { backend, models: [before, after] });
    const speed = await asked.catch((error: Error): Speed => ({ problem: error.message }));
    timer.end();
    if (!isStopped) speeds[backend] = speed;
  }
  timer = undefined;
  byId('latency-view').replaceChildren(speedView(speeds));
  return speeds;
}

function stop(): void {
  isStopped = true;
  byId('progress-text').textContent = 'Stopping';
  worker.stop();
  timer?.end();
}

function showResult({ outcome, speeds }: Result): void {
  byId('result-view').replaceChildren(...resultView(outcome));
  byId('latency-view').replaceChildren(speedView(speeds));
  for (const url of urls) URL.revokeObjectURL(url);
  const files: [string, BlobPart, string][] = [
    ['model.json', outcome.after.json, 'application/json'],
    ['weights.bin', outcome.after.weights, 'application/octet-stream'],
    ['plan.json', JSON.stringify(outcome.plan), 'application/json'],
    ['report.html', outcome.html, 'text/html'],
  ];
  urls = files.map(([, content, type]) => URL.createObjectURL(new Blob([content], { type })));
  const links = files.map(([name], i) =>
    element('a', { class: i < 2 ? 'button first' : 'button', href: urls[i], download: name }, name),
  );
  byId('downloads').replaceChildren(...links);
  const report = byId<HTMLIFrameElement>('report');
  report.onload = () => {
    // As high as what is in it, now and when something in it is opened.
    const { documentElement: root } = report.contentDocument!;
    new ResizeObserver(() => (report.style.height = `${root.getBoundingClientRect().height + 2}px`)).observe(root);
  };
  report.srcdoc = outcome.html;
  hasResult = true;
  byId('result-section').hidden = false;
}

async function useDigits(): Promise<void> {
  const get = async (path: string): Promise<File> => {
    const response = await fetch(path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
    return new File([await response.blob()], path.split('/').pop()!);
  };
  try {
    const json = await get('digits/model.json');
    const { weightsManifest } = JSON.parse(await json.text()) as { weightsManifest: { paths: string[] }[] };
    const weights = weightsManifest.flatMap(({ paths }) => paths).map(path => get(`digits/${path}`));
    const data = await get('digits/digits.csv.gz');
    if (!(await openModel([json, ...(await Promise.all(weights))]))) return;
    await openData([{ path: data.name, file: data }]);
  } catch (error) {
    byId('model-view').replaceChildren(failure((error as Error).message));
  }
}

async function restore(): Promise<void> {
  showSettings((await recall('settings')) ?? START);
  input('pixels').value = (await recall('pixels')) ?? '0 to 1';
  const [model, data, result] = [await recall('model'), await recall('data'), await recall('result')];
  refresh();
  if (model === undefined || !(await openModel(model, true))) return;
  if (data !== undefined) await openData(data, true);
  if (result !== undefined) showResult(result);
}

function listen(): void {
  input('model-files').addEventListener('change', event => void openModel(filesFrom(event).map(({ file }) => file)));
  for (const id of ['data-files', 'data-folder']) {
    input(id).addEventListener('change', event => void openData(filesFrom(event)));
  }
  // Beside the places for them, files would open in place of the page.
  for (const type of ['dragover', 'drop']) addEventListener(type, event => event.preventDefault());
  dropped(byId('model-drop'), files => !isBusy && openModel(files.map(({ file }) => file)));
  dropped(byId('data-drop'), files => !isBusy && hasModel && openData(files));
  byId('use-digits').addEventListener('click', () => void useDigits());
  byId('settings').addEventListener('input', () => {
    refresh();
    void keep('settings', { ...settings(), epochs: Number(input('epochs').value) });
  });
  byId('pixels').addEventListener('change', () => {
    void keep('pixels', input('pixels').value);
    if (dataFiles && !isBusy) void openData(dataFiles);
  });
  byId('settings').addEventListener('submit', event => {
    event.preventDefault();
    if (!isBusy && hasModel) void prune();
  });
  byId('stop').addEventListener('click', stop);
  byId('clear').addEventListener('click', () => void forget().then(() => location.reload()));
}

listen();
refresh();
void restore();
