/** Models as files of ONNX. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Checkpoint } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import type { Refuse } from '../core/json';
import { replaceFile } from '../io/atomic';
import { messageOf, requireRoom, SCHEMA, toOnnx } from '../onnx';
import { capture } from './capture';
import { layersOf } from './leaves';
import { importPackage } from './optional';

/** Without the parser of schemas as text. */
const PACKAGE = 'protobufjs/light.js';

/** What of it is used. */
interface Protobuf {
  readonly Root: { fromJSON(schema: unknown): { lookupType(name: string): MessageType } };
}

interface MessageType {
  encode(message: unknown): { finish(): Uint8Array };
}

/**
 * Writes `model` as one ONNX file (operators of version 17, IR version 8) that computes the same, with its weights, for any batch and any size that the
 * model leaves open. Inputs and outputs keep their names, types and order of axes. The same model gives the same bytes. Needs the package `protobufjs`.
 * A file of that name stays whole until the new one is.
 * @throws PruneError `bad-model` for layers or settings that ONNX does not have, or weights beyond 2 GB, `bad-weights` for
 * NaN or infinite ones, `bad-file` without the package or where it cannot be written.
 */
export async function saveOnnx(model: LayersModel, path: string): Promise<void> {
  const place = `saveOnnx "${path}"`;
  const refuse: Refuse = (expected, got, cure = 'Keep it in tf.js.') => {
    throw new PruneError('bad-model', { place, expected, got, cure });
  };
  const graph = toOnnx({ ...(await capture(model)), inside: await captureInside(model) }, refuse);
  requireRoom(graph.initializers, refuse);
  const { default: protobuf } = (await importPackage(place, PACKAGE, 'encodes ONNX files')) as { default: Protobuf };
  const type = protobuf.Root.fromJSON(SCHEMA).lookupType('onnx.ModelProto');
  await replaceFile(place, path, type.encode(messageOf(graph)).finish());
}

/** The models inside of wrappers, whose weights are one list there. */
async function captureInside(model: LayersModel): Promise<ReadonlyMap<string, Checkpoint>> {
  const held = layersOf(model).filter(({ layer }) => layer.layer?.layers !== undefined);
  const captured = held.map(async ({ path, layer }) => [path, await capture(layer.layer as unknown as LayersModel)] as const); // prettier-ignore
  return new Map(await Promise.all(captured));
}
