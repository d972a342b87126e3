/**
 * graph: follows units through a model and finds what must go together. Knows topology and rules by their interface;
 * must not know any layer class by name (InputLayer and containers, which are structure, excepted) nor any method.
 * This file: one walk over the topology that gives every call its flows and every weight axis its units.
 */
import {
  isContainer,
  join,
  nameOf,
  weightsOf,
  type Checkpoint,
  type InboundNode,
  type Topology,
  type LayerSpec,
} from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { ruleOf } from '../rules';
import { inputLayer } from '../rules/input';
import type { Flow } from '../rules/rule';
import { callRule } from './call';
import { ledger, type Ledger, type Trace } from './ledger';

/**
 * Follows every unit of `model` from its maker to its readers; near-linear in the number of channels.
 * @throws PruneError `no-rule` naming every layer class without a rule; `bad-model` when weights and topology disagree.
 */
export function trace(model: Checkpoint): Trace {
  requireRules(model.topology);
  const book = ledger(path => weightsOf(model, path).map(({ shape }) => shape));
  const outputs = walk(model.topology, '', undefined, book);
  return book.close(outputs);
}

/** Flows out of a container whose inputs are `inputs`; its own InputLayers make them when it is the outermost. */
function walk(model: Topology, path: string, inputs: readonly Flow[] | undefined, book: Ledger): readonly Flow[] {
  return model.config.inputLayers ? walkGraph(model, path, inputs, book) : walkChain(model, path, inputs, book);
}

function walkChain(
  { config }: Topology,
  path: string,
  inputs: readonly Flow[] | undefined,
  book: Ledger,
): readonly Flow[] {
  let flows = inputs;
  if (inputs && config.layers.length > 0) book.enter(join(path, nameOf(config.layers[0])), inputs[0]);
  for (const spec of config.layers) {
    const at = join(path, nameOf(spec));
    if (flows === undefined && !isContainer(spec) && spec.className !== inputLayer.className) {
      flows = callRule(inputLayer, { ...spec, className: inputLayer.className }, join(path, 'input'), [], book);
    }
    flows = callLayer(spec, at, flows, book);
  }
  return flows ?? [];
}

function walkGraph(
  { config }: Topology,
  path: string,
  inputs: readonly Flow[] | undefined,
  book: Ledger,
): readonly Flow[] {
  const specs = new Map(config.layers.map(spec => [nameOf(spec), spec]));
  const given = new Map((config.inputLayers ?? []).map(([name], i) => [name, inputs?.[i]]));
  for (const [name, flow] of given) if (flow) book.enter(join(path, name), flow);
  const done = new Map<string, readonly Flow[] | 'open'>();
  const outputOf = ([name, node, tensor]: Reference): Flow => {
    const flow = finish(name, node)[tensor];
    return flow ?? refuse(join(path, name), `an output ${tensor} of call ${node}`, 'none');
  };
  const argumentsOf = (name: string, node: number): InboundNode | undefined => {
    const spec = specs.get(name) ?? refuse(join(path, name), 'a layer of this name', 'none');
    if (given.get(name) || spec.className === inputLayer.className) return undefined;
    const call = spec.inboundNodes?.[node - firstNode(spec)];
    return call ?? refuse(join(path, name), `a call ${node}`, `${spec.inboundNodes?.length ?? 0} calls`);
  };
  const compute = (name: string, node: number): readonly Flow[] => {
    const flow = given.get(name);
    if (flow) return [flow];
    return callLayer(specs.get(name)!, join(path, name), argumentsOf(name, node)?.map(outputOf), book, node);
  };
  const finish = (name: string, node: number): readonly Flow[] =>
    settle([name, node], done, argumentsOf, compute, looped => {
      refuse(join(path, looped), 'a graph without cycles', 'a layer that feeds itself');
    });
  for (const spec of config.layers) {
    const calls = Math.max(spec.inboundNodes?.length ?? 0, spec.className === inputLayer.className ? 1 : 0);
    for (let i = 0; i < calls; i++) finish(nameOf(spec), i + firstNode(spec));
  }
  return (config.outputLayers ?? []).map(outputOf);
}

type Reference = readonly [string, number, number, ...unknown[]];

/** Flows out of `call`, after those of every call it waits for. A list, not recursion: a config may list a deep graph from its end. */
function settle(
  call: [string, number],
  done: Map<string, readonly Flow[] | 'open'>,
  argumentsOf: (name: string, node: number) => InboundNode | undefined,
  compute: (name: string, node: number) => readonly Flow[],
  refuseLoop: (name: string) => void,
): readonly Flow[] {
  const waiting = [call];
  while (waiting.length > 0) {
    const [name, node] = waiting[waiting.length - 1];
    const key = `${name}:${node}`;
    const finished = Array.isArray(done.get(key));
    const missing = finished ? [] : openCalls(argumentsOf(name, node), done);
    if (missing.length > 0) {
      done.set(key, 'open');
      for (const [other, index] of missing) if (done.get(`${other}:${index}`) === 'open') refuseLoop(other);
      waiting.push(...missing);
    } else {
      if (!finished) done.set(key, compute(name, node));
      waiting.pop();
    }
  }
  return done.get(call.join(':')) as readonly Flow[];
}

/** The calls whose results `inputs` name and that are not done, in the order in which the list takes them last. */
function openCalls(
  inputs: InboundNode | undefined,
  done: ReadonlyMap<string, readonly Flow[] | 'open'>,
): [string, number][] {
  return (inputs ?? [])
    .filter(([name, node]) => !Array.isArray(done.get(`${name}:${node}`)))
    .map(([name, node]): [string, number] => [name, node])
    .reverse();
}

function callLayer(
  spec: LayerSpec,
  path: string,
  inputs: readonly Flow[] | undefined,
  book: Ledger,
  node?: number,
): readonly Flow[] {
  if (isContainer(spec)) return walk(spec, path, inputs, book);
  if (spec.className === inputLayer.className && inputs) return inputs;
  const rule = ruleOf(spec.className);
  if (!rule) throw new Error(`unreachable: ${spec.className} was checked`);
  return callRule(rule, spec, path, inputs ?? [], book, node);
}

/** Node 0 of a nested model is the model itself, not a call of it. */
export function firstNode(spec: LayerSpec): number {
  return isContainer(spec) ? 1 : 0;
}

function requireRules(topology: Topology): void {
  const missing = layersWithoutRule(topology, '');
  if (missing.length === 0) return;
  throw new PruneError('no-rule', {
    place: 'trace',
    expected: 'a rule for every layer class',
    got: missing.join(', '),
    cure: 'Replace these layers, or cut the model before them.',
  });
}

function layersWithoutRule({ config }: Topology, parent: string): string[] {
  return config.layers.flatMap(spec => {
    const path = join(parent, nameOf(spec));
    if (isContainer(spec)) return layersWithoutRule(spec, path);
    return ruleOf(spec.className) ? [] : [`${spec.className} ("${path}")`];
  });
}

function refuse(path: string, expected: string, got: string): never {
  throw new PruneError('bad-model', {
    place: `layer "${path}"`,
    expected,
    got,
    cure: 'The topology is damaged; save the model again.',
  });
}
