/** A saved topology that tf.js rebuilds faithfully: the same as {@link inCallOrder}, in the words of a model file. */
import { isContainer, type ContainerConfig, type LayerSpec, type Topology } from '../core/checkpoint';
import { isRecord, type Json } from '../core/json';
import { inCallOrder } from './callOrder';

/** `modelTopology` as tf.js wrote it, with the calls of shared layers in the order in which tf.js will make them again. */
export function inSavedOrder(modelTopology: Json): Json {
  const read = readCalls(modelTopology);
  if (!isContainer(read)) return modelTopology;
  const ordered = inCallOrder(read);
  // Nearly always; the file is then as tf.js wrote it, to the letter.
  return JSON.stringify(ordered) === JSON.stringify(read) ? modelTopology : withCalls(modelTopology, ordered);
}

/** Names, layers and calls, without what else is in the configs. */
function readCalls({ class_name, name, config, inbound_nodes }: Json): LayerSpec {
  const { name: own, layers, input_layers, output_layers } = isRecord(config) ? config : ({} as Json);
  return {
    className: class_name as string,
    name: name as string,
    config: {
      name: own,
      ...(Array.isArray(layers) && {
        layers: layers.map(layer => readCalls(layer as Json)),
        inputLayers: input_layers,
        outputLayers: output_layers,
      }),
    },
    inboundNodes: inbound_nodes as LayerSpec['inboundNodes'],
  };
}

function withCalls(saved: Json, { config, inboundNodes }: LayerSpec | Topology): Json {
  const { layers, inputLayers, outputLayers } = config as Partial<ContainerConfig>;
  if (layers === undefined) return { ...saved, ...(inboundNodes && { inbound_nodes: inboundNodes }) };
  const before = saved.config as Json;
  const inner = (before.layers as Json[]).map((layer, i) => withCalls(layer, layers[i]));
  const ends = outputLayers && { input_layers: inputLayers, output_layers: outputLayers };
  return {
    ...saved,
    config: { ...before, layers: inner, ...ends },
    ...(inboundNodes && { inbound_nodes: inboundNodes }),
  };
}
