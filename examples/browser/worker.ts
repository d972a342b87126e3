/** All work, away from the page, so that the page stays alive and can stop it. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { loadLayersModel, plan, plotPlan, PruneError, magnitude, uniform, useBackend, type Data } from 'tfjs-prune';
import { parseCsv, split, type Labelled, type Wanted } from './data';
import { readImages } from './images';
import type { Chosen, DataInfo, FromWorker, ModelInfo, Pixels, Question, ToWorker, Work } from './messages';
import { pruneModel } from './prune';
import { timeModels } from './time';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

setWasmPaths('wasm/');

let model: LayersModel | undefined;
let data: Data | undefined;
let stopping = new AbortController();

addEventListener('message', ({ data: message }: MessageEvent<ToWorker>) => {
  if (message.ask === 'stop') return stopping.abort();
  stopping = new AbortController();
  void reply(message);
});

async function reply(question: Question): Promise<void> {
  const { id } = question;
  const send = (message: FromWorker): void => postMessage(message);
  try {
    send({ id, answer: await answerTo(question) });
  } catch (error) {
    const { message } = error as Error;
    send({ id, failure: error instanceof PruneError ? { message, code: error.code } : { message } });
  }
}

async function answerTo(question: Question): Promise<Work[keyof Work]['answer']> {
  switch (question.ask) {
    case 'model':
      return openModel(question.files);
    case 'data':
      return openData(question.files, question.pixels);
    case 'forgetData':
      data = undefined;
      return undefined;
    case 'prune': {
      const step = (text: string, share: number): void => postMessage({ id: question.id, step: { text, share } });
      return pruneModel(model!, data, question.settings, { signal: stopping.signal, step });
    }
    case 'time':
      return timeModels(question);
  }
}

async function openModel(files: readonly File[]): Promise<ModelInfo> {
  await useBackend('auto');
  const opened = await loadLayersModel(files);
  try {
    const planOf = (ratio: number) => plan(opened, { criterion: magnitude(), budget: uniform({ ratio, minimum: 1 }) });
    const [account, half] = [await planOf(0), await planOf(0.5)];
    const [{ shape: input }] = opened.inputs;
    const [{ shape: output }] = opened.outputs;
    model?.dispose();
    [model, data] = [opened, undefined];
    return {
      name: opened.name,
      input: input.slice(1),
      output: output.slice(1),
      plan: account,
      plots: plotPlan(account),
      half,
    };
  } catch (error) {
    opened.dispose();
    throw error;
  }
}

async function openData(files: readonly Chosen[], pixels: Pixels): Promise<DataInfo> {
  const wanted = wantedBy(model!);
  const labelled = await readLabelled(files, wanted, pixels);
  const splits = split(labelled, wanted);
  data = splits;
  const [train, validation, test] = [splits.train, splits.validation!, splits.test].map(
    ({ targets }) => (targets as { shape: number[] }).shape[0],
  );
  const numbers = Array.from({ length: Math.max(2, wanted.classes) }, (_, i) => String(i));
  return { train, validation, test, classes: labelled.names ?? numbers };
}

async function readLabelled(files: readonly Chosen[], wanted: Wanted, pixels: Pixels): Promise<Labelled> {
  const [first] = files;
  if (files.length !== 1 || !/\.csv(\.gz)?$/i.test(first.path)) return readImages(files, wanted, pixels);
  const isGzip = first.path.endsWith('.gz');
  const stream = first.file.stream();
  const plain = isGzip ? stream.pipeThrough(new DecompressionStream('gzip')) : stream;
  return parseCsv(first.path, await new Response(plain).text(), wanted);
}

/** @throws PruneError `bad-model` for a model that is no classifier of one input of a fixed size. */
function wantedBy({ inputs, outputs }: LayersModel): Wanted {
  const [shape, [classes, ...more]] = [inputs[0].shape.slice(1), outputs[0].shape.slice(1)];
  const isClassifier = inputs.length === 1 && outputs.length === 1 && more.length === 0 && classes != null;
  if (isClassifier && shape.every(size => size !== null)) return { shape, classes };
  throw new PruneError('bad-model', {
    place: 'data',
    expected: 'a model with one input of a fixed size and one output, the classes',
    got: `${inputs.length} inputs [${shape.map(size => size ?? 'any').join(', ')}], ${outputs.length} outputs`,
    cure: 'Prune this one without data.',
  });
}
