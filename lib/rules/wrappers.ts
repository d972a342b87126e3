/** Layers around a layer: they ask the rule of what they hold. */
import type { Config } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import {
  concatWidths,
  type CallShapes,
  type CutCall,
  type CutFlow,
  type Flow,
  type LayerCall,
  type LayerRule,
  type LocalSite,
  type Shape,
  type Traced,
} from './rule';
import { ruleOf } from './table';

interface Held {
  readonly className: string;
  readonly config: Config;
}

/** The same layer at every step of axis 1. */
export const timeDistributed: LayerRule = {
  className: 'TimeDistributed',
  understands: ['layer', 'outputShape'],
  trace(call) {
    if (Array.isArray(held(call.config).config.layers)) return { outputs: [modelInside(call)] };
    const rule = heldRule(call.path, call.config);
    const [flow] = call.inputs;
    const steps = flow.shape[1];
    const { outputs, sites } = rule.trace({ ...call, config: held(call.config).config, inputs: [oneStep(call, flow)] });
    return { outputs: outputs.map(out => everyStep(out, steps)), sites };
  },
  resize: cut => {
    const step = (flows: readonly CutFlow[]) =>
      flows.map(({ shape, axis, kept }) => ({ shape: withoutSteps(shape), axis: axis - 1, kept }));
    return resizeHeld({ ...cut, inputs: step(cut.inputs), outputs: step(cut.outputs) });
  },
  macs: ({ config, inputs, outputs, weights }) => {
    if (Array.isArray(held(config).config.layers)) return NaN; // not known, rather than wrong
    const rule = ruleOf(held(config).className);
    const [from, to] = [inputs, outputs].map(shapes => shapes.map(withoutSteps));
    const once = rule?.macs?.({ config: held(config).config, inputs: from, outputs: to, weights }) ?? 0;
    return once === 0 ? 0 : once * (inputs[0][1] ?? NaN);
  },
};

/**
 * Two copies of a recurrent layer, forwards and backwards in time. They are written as one config, so that their cells go in
 * pairs.
 */
export const bidirectional: LayerRule = {
  className: 'Bidirectional',
  understands: ['layer', 'mergeMode'],
  weights: 4,
  trace(call) {
    const [forwards, backwards] = [0, 1].map(direction => traceDirection(call, direction));
    forwards.outputs.forEach(({ width }, i) => call.unify(width, backwards.outputs[i].width));
    const [first, ...states] = forwards.outputs;
    const merged = mergeDirections(call.config.mergeMode, first, backwards.outputs[0]);
    return {
      outputs: [...merged, ...states, ...backwards.outputs.slice(1)],
      sites: [...forwards.sites, ...backwards.sites],
    };
  },
  resize: cut => resizeHeld({ ...cut, weights: cut.weights.slice(0, cut.weights.length / 2) }),
  macs: ({ config, inputs, outputs, weights }) => {
    const half = weights.slice(0, weights.length / 2);
    const shapes: CallShapes = { config: held(config).config, inputs, outputs, weights: half };
    return 2 * (ruleOf(held(config).className)?.macs?.(shapes) ?? 0);
  },
};

/** Its weights are one list, in which the layers inside cannot be told apart. */
function modelInside(call: LayerCall): Flow {
  const reason = `"${call.path}" holds a whole model, which is left as it is`;
  const shape = call.config.outputShape as Shape;
  const axis = shape.length - 1;
  call.freeze(call.inputs[0].width, reason);
  const width = call.fresh('out', shape[axis] ?? 0, 'features');
  call.freeze(width, reason);
  return { shape, axis, width };
}

function traceDirection(call: LayerCall, direction: number): { outputs: readonly Flow[]; sites: LocalSite[] } {
  const half = call.weights.length / 2;
  const states = call.inputs.slice(1);
  const given = states.slice((direction * states.length) / 2, ((direction + 1) * states.length) / 2);
  const { outputs, sites = [] }: Traced = heldRule(call.path, call.config).trace({
    ...call,
    config: held(call.config).config,
    inputs: [call.inputs[0], ...given],
    weights: call.weights.slice(direction * half, (direction + 1) * half),
    fresh: (key, length, kind) => call.fresh(`${direction} ${key}`, length, kind),
  });
  return { outputs, sites: sites.map(site => ({ ...site, weight: site.weight + direction * half })) };
}

function mergeDirections(mode: unknown, forwards: Flow, backwards: Flow): readonly Flow[] {
  if (mode === null || mode === undefined) return [forwards, backwards];
  if (mode !== 'concat') return [forwards];
  const width = concatWidths([forwards.width, backwards.width]);
  const shape = forwards.shape.map((size, a) => (a === forwards.axis ? width.length : size));
  return [{ ...forwards, shape, width }];
}

function held(config: Config): Held {
  return config.layer as Held;
}

function heldRule(path: string, config: Config): LayerRule {
  const { className } = held(config);
  const rule = ruleOf(className);
  if (rule) return rule;
  throw new PruneError('no-rule', {
    place: `layer "${path}"`,
    expected: 'a layer with a rule inside',
    got: className,
    cure: 'Replace the layer inside, or cut the model before it.',
  });
}

function resizeHeld(cut: CutCall): Config {
  const layer = held(cut.config);
  const resized = ruleOf(layer.className)?.resize?.({ ...cut, config: layer.config });
  return resized ? { layer: { ...layer, config: { ...layer.config, ...resized } } } : {};
}

function withoutSteps(shape: Shape): Shape {
  return shape.filter((_, a) => a !== 1);
}

function oneStep(call: LayerCall, { shape, axis, width }: Flow): Flow {
  const step = withoutSteps(shape);
  if (axis > 1) return { shape: step, axis: axis - 1, width };
  call.freeze(width, `they are the steps of "${call.path}"`);
  const last = step.length - 1;
  const units = call.fresh('step', step[last] ?? 0, 'features');
  call.freeze(units, `the steps of "${call.path}" are not made of units`);
  return { shape: step, axis: last, width: units };
}

function everyStep({ shape: [batch, ...sizes], axis, width }: Flow, steps: number | null): Flow {
  return { shape: [batch, steps, ...sizes], axis: axis + 1, width };
}
