/** Layers that move elements about. */
import type { Conversion } from '../conversion';
import { inPlace, permuted, read, valueOf } from '../value';

export const flatten: Conversion = {
  className: 'Flatten',
  convert({ graph, config, inputs: [input], outputs }) {
    const rank = input.dims.length;
    // tf.js puts channels that come first last before it flattens.
    const order = config.dataFormat === 'channelsFirst' && rank > 2 ? [0, ...inPlace(rank).slice(2), 1] : inPlace(rank);
    return valueOf(graph.node('Flatten', [read(graph, input, order)], { axis: { int: 1 } }), outputs[0]);
  },
};

export const reshape: Conversion = {
  className: 'Reshape',
  convert({ graph, config, inputs: [input], outputs }) {
    const sizes = (config.targetShape as readonly (number | null)[]).map(size => size ?? -1);
    // 0 stands for the size that was there: the batch.
    return valueOf(graph.node('Reshape', [read(graph, input), graph.ints([0, ...sizes])]), outputs[0]);
  },
};

export const permute: Conversion = {
  className: 'Permute',
  convert: ({ config, inputs: [input], outputs }) => permuted(input, [0, ...(config.dims as number[])], outputs[0]),
};

export const repeatVector: Conversion = {
  className: 'RepeatVector',
  convert({ graph, config, inputs: [input], outputs }) {
    const row = graph.node('Unsqueeze', [read(graph, input), graph.ints([1])]);
    return valueOf(graph.node('Tile', [row, graph.ints([1, Number(config.n), 1])]), outputs[0]);
  },
};
