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
  return book.close(outputs.map(({ width }) => width));
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
  const done = new Map<string, readonly Flow[] | 'open'>();
  const outputOf = (name: string, node: number, tensor: number): Flow => {
    const flow = visit(name, node)[tensor];
    return flow ?? refuse(join(path, name), `an output ${tensor} of call ${node}`, 'none');
  };
  const visit = (name: string, node: number): readonly Flow[] => {
    const key = `${name}:${node}`;
    const known = done.get(key);
    if (known === 'open') return refuse(join(path, name), 'a graph without cycles', 'a layer that feeds itself');
    if (known) return known;
    done.set(key, 'open');
    const spec = specs.get(name) ?? refuse(join(path, name), 'a layer of this name', 'none');
    const flows = given.get(name)
      ? [given.get(name)!]
      : callLayer(spec, join(path, name), argumentsOf(spec, node), book);
    done.set(key, flows);
    return flows;
  };
  const argumentsOf = (spec: LayerSpec, node: number): readonly Flow[] | undefined => {
    if (spec.className === inputLayer.className) return undefined;
    const call: InboundNode | undefined = spec.inboundNodes?.[node - firstNode(spec)];
    if (!call) return refuse(join(path, nameOf(spec)), `a call ${node}`, `${spec.inboundNodes?.length ?? 0} calls`);
    return call.map(([name, index, tensor]) => outputOf(name, index, tensor));
  };
  for (const spec of config.layers) {
    const calls = Math.max(spec.inboundNodes?.length ?? 0, spec.className === inputLayer.className ? 1 : 0);
    for (let i = 0; i < calls; i++) visit(nameOf(spec), i + firstNode(spec));
  }
  return (config.outputLayers ?? []).map(([name, node, tensor]) => outputOf(name, node, tensor));
}

function callLayer(spec: LayerSpec, path: string, inputs: readonly Flow[] | undefined, book: Ledger): readonly Flow[] {
  if (isContainer(spec)) return walk(spec, path, inputs, book);
  if (spec.className === inputLayer.className && inputs) return inputs;
  const rule = ruleOf(spec.className);
  if (!rule) throw new Error(`unreachable: ${spec.className} was checked`);
  return callRule(rule, spec, path, inputs ?? [], book);
}

/** Node 0 of a nested model is the model itself, not a call of it. */
function firstNode(spec: LayerSpec): number {
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
