/** `tfjs-prune export`: a model as a file for somebody else's runtime, or for the network. */
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { fuseLayers } from '../edit/fuse';
import { unwrap } from '../edit/slim';
import { isFolder } from '../io/folder';
import type { Precision } from '../io/quantize';
import { bytes } from '../report/numbers';
import { capture } from '../runtime/capture';
import { saveLayersModel } from '../runtime/files';
import { saveKeras } from '../runtime/kerasFiles';
import { materialize } from '../runtime/materialize';
import { saveOnnx } from '../runtime/onnxFiles';
import { refusal } from './arguments';
import type { Command, Given } from './command';
import { requireFolder } from './compressFile';
import { withModelFile } from './model';

type Write = (model: LayersModel, path: string) => Promise<void>;

/** By the ending of the file; what has none is a folder. */
const WRITERS: Readonly<Record<string, Write>> = { '.onnx': saveOnnx, '.h5': saveKeras };

export const exportCommand: Command = {
  name: 'export',
  summary: 'a model for onnxruntime, for Keras, or smaller to download',
  operands: ['MODEL'],
  options: {
    out: {
      value: 'PATH',
      help:
        'FILE.onnx for onnxruntime (needs npm install protobufjs), FILE.h5 for Keras 3 (h5wasm), or a\n' +
        'folder for model.json and its weights',
      required: true,
    },
    fuse: { help: 'have layers compute the BatchNormalization and ReLU behind them: faster, for prediction only' },
    quantize: { value: 'AS', help: 'weights in model.json as float16, uint16 or uint8; default: as they are' },
  },
  help: {
    about: 'Writes the same model in another form. Nothing is pruned; MODEL stays as it is.',
    example: 'tfjs-prune export out/slim --fuse --quantize float16 --out out/small',
  },
  async run(given) {
    const [path] = given.paths;
    const out = given.word('out')!;
    const write = await writerOf(given, path, out);
    await withModelFile(path, given, async model => {
      if (!given.has('fuse')) return write(model, out);
      const fused = materialize(fuseLayers(unwrap(await capture(model))));
      try {
        await write(fused, out);
      } finally {
        fused.dispose();
      }
    });
    if (given.has('json')) return JSON.stringify({ model: path, out }, null, 2);
    const made = await stat(out);
    return `written: ${made.isFile() ? `${out} (${bytes(made.size)})` : `model.json and its weights in ${out}`}`;
  },
};

/** Before any work. */
async function writerOf(given: Given, path: string, out: string): Promise<Write> {
  const precision = given.word('quantize');
  const toFile = WRITERS[extname(out)] as Write | undefined;
  if (toFile !== undefined) {
    if (precision !== undefined) throw refusal('a folder for --out where there is --quantize', `"${out}"`, 'export');
    return toFile;
  }
  if (/^\.[a-z]/i.test(extname(out)) && !(await isFolder(out))) {
    throw refusal(`--out to be a folder or to end in ${Object.keys(WRITERS).join(' or ')}`, `"${out}"`, 'export');
  }
  await requireFolder(out, path);
  return (model, directory) => saveLayersModel(model, directory, { quantize: precision as Precision | undefined });
}
