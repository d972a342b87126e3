/** Some calls of a model as a small model of their own. */
import { leaves, type Checkpoint, type InboundNode, type LayerSpec } from '../core/checkpoint';
import type { Call, Trace } from '../graph/ledger';
import type { Shape, Unit } from '../rules/rule';

/** The places in `traced.calls` of those that any of `units` goes through, or whose weights hold one. */
export function callsHolding({ calls, sites }: Trace, units: readonly Unit[]): readonly number[] {
  const wanted = new Set(units);
  const holds = (width: Int32Array): boolean => width.some(unit => wanted.has(unit));
  const layers = new Set(sites.filter(({ width }) => holds(width)).map(({ layer }) => layer));
  return calls.flatMap((call, i) => {
    const flows = [...call.inputs, ...call.outputs];
    return call.inputs.length > 0 && (layers.has(call.layer) || flows.some(({ width }) => holds(width))) ? [i] : [];
  });
}

/**
 * A model of the calls at `places`, side by side: each has inputs and outputs of its own, of the shapes it has in `model`.
 * A layer that is called twice is there twice.
 */
export function excerpt(model: Checkpoint, { calls }: Trace, places: readonly number[]): Checkpoint {
  const specs = new Map(leaves(model.topology).map(({ path, spec }) => [path, spec]));
  const parts = places.map((place, i) => partOf(calls[place], specs.get(calls[place].layer)!, `layer${i}`));
  const inputs = parts.flatMap(part => part.inputs);
  const config = {
    name: 'excerpt',
    layers: [...inputs, ...parts.map(({ layer }) => layer)],
    inputLayers: inputs.map(({ name }) => [name!, 0, 0] as const),
    outputLayers: parts.map(({ layer }) => [layer.name!, 0, 0] as const),
  };
  const weights = places.flatMap((place, i) => {
    const held = model.weights.get(calls[place].layer);
    return held ? [[`layer${i}`, held] as const] : [];
  });
  return { topology: { className: 'Model', name: 'excerpt', config }, weights: new Map(weights) };
}

function partOf(call: Call, spec: LayerSpec, name: string): { inputs: readonly LayerSpec[]; layer: LayerSpec } {
  const inputs = call.inputs.map(({ shape }, i) => inputLayer(`${name}_input${i}`, shape));
  const node: InboundNode = inputs.map(input => [input.name!, 0, 0, {}] as const);
  const { batchInputShape: _, ...config } = spec.config;
  return { inputs, layer: { className: spec.className, name, config: { ...config, name }, inboundNodes: [node] } };
}

function inputLayer(name: string, [, ...shape]: Shape): LayerSpec {
  const config = { batchInputShape: [null, ...shape], dtype: 'float32', sparse: false, name };
  return { className: 'InputLayer', name, config, inboundNodes: [] };
}
