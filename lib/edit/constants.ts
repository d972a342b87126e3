/** Which units hold the same value for every example, and which, at every place of the model. */
import { weightsOf, type Checkpoint } from '../core/checkpoint';
import { unknownKeys } from '../graph/call';
import type { Call, Trace } from '../graph/ledger';
import { constantOf, unknown, type Arithmetic, type Constant, type ConstantCall } from '../rules/arithmetic';
import type { Flow } from '../rules/rule';

/** What each flow of the trace holds; flows of which nothing is known are missing. */
export type Constants = ReadonlyMap<Flow, Constant>;

/** Follows constants from where they arise (a gamma of zero, a filter of zeros) through every call. */
export function constants(model: Checkpoint, traced: Trace, { dead = 0 }: { readonly dead?: number } = {}): Constants {
  const known = new Map<Flow, Constant>();
  for (const call of traced.calls) {
    const constant = constantOf(
      arithmeticOf(call),
      callWith(model, call, flow => known.get(flow) ?? unknown(flow.width.length), dead),
    );
    if (constant?.value.some(value => !Number.isNaN(value))) known.set(call.outputs[0], constant);
  }
  return known;
}

/** What the layer computes; undefined where its rule does not say, or the config sets what the rule does not know. */
export function arithmeticOf({ rule, config, outputs }: Call): Arithmetic | undefined {
  return outputs.length === 1 && unknownKeys(rule, config).length === 0 ? rule.arithmetic : undefined;
}

/** `call` with what `held` says that its inputs hold. */
export function callWith(
  model: Checkpoint,
  { layer, config, inputs, outputs }: Call,
  held: (flow: Flow) => Constant,
  dead = 0,
): ConstantCall {
  return {
    config,
    weights: weightsOf(model, layer),
    inputs: inputs.map(flow => ({ ...flow, constant: held(flow) })),
    output: outputs[0],
    dead,
  };
}
