/** TimeDistributed: steps become examples. */
import { read, sizeOfAxis, valueOf, type Value } from '../value';
import type { Conversion, OnnxCall } from '../conversion';
import type { Dim } from '../model';
import { conversionOf, requireSettings } from '../table';

export const timeDistributed: Conversion = {
  className: 'TimeDistributed',
  keepsSizes: true,
  keepsMask: true,
  convert(call) {
    const { graph, inputs, outputs, config } = call;
    const [input] = inputs;
    const [, , ...sizes] = input.dims;
    const rows = graph.node('Reshape', [read(graph, input), graph.ints([-1, ...numbers(call, sizes)])]);
    const step = valueOf(rows, [`${call.path}_steps`, ...sizes]);
    const layer = config.layer as { readonly className: string; readonly config: OnnxCall['config'] };
    const made = Array.isArray(layer.config.layers) ? call.inside([step])[0] : held(call, layer, step);
    const [, time, ...madeSizes] = outputs[0];
    return valueOf(graph.node('Reshape', [read(graph, made), shape(call, time, madeSizes)]), outputs[0]);
  },
};

/** What the one layer inside makes of `step`. */
function held(
  call: OnnxCall,
  { className, config }: { readonly className: string; readonly config: OnnxCall['config'] },
  step: Value,
): Value {
  const conversion = conversionOf(className) ?? call.refuse('a layer that can be written in ONNX', className);
  requireSettings(className, config, call.refuse);
  const outputs = [call.outputs[0].filter((_, axis) => axis !== 1)];
  return [conversion.convert({ ...call, config, inputs: [step], outputs })].flat()[0];
}

/** The shape that gives the steps their axis back. */
function shape(call: OnnxCall, time: Dim, sizes: readonly Dim[]): string {
  const { graph, inputs } = call;
  const rest = numbers(call, sizes);
  if (typeof time === 'number') return graph.ints([-1, time, ...rest]);
  return graph.node('Concat', [graph.ints([-1]), sizeOfAxis(graph, inputs[0], 1), graph.ints(rest)], {
    axis: { int: 0 },
  });
}

function numbers({ refuse }: OnnxCall, sizes: readonly Dim[]): number[] {
  return sizes.map(size => (typeof size === 'number' ? size : refuse('steps of known size', size)));
}
