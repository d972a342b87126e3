/** One call of one layer through its rule, entered in the ledger. */
import type { Config, LayerSpec } from '../core/checkpoint';
import { PruneError } from '../core/errors';
import { inputLayer } from '../rules/input';
import type { Flow, LayerCall, LayerRule } from '../rules/rule';
import type { Ledger } from './ledger';

/** `customObjects` is what tf.js adds to the config of a class it does not know itself. */
const COMMON_KEYS = ['name', 'trainable', 'batchInputShape', 'dtype', 'inputDType', 'ragged', 'customObjects'];
/** They matter when weights are made or trained, not for where units go. */
const TRAINING_KEYS = /(Initializer|Regularizer|Constraint)$/;

/** Flows out of the call; freezes its units when its config says something the rule does not know. */
export function callRule(
  rule: LayerRule,
  spec: LayerSpec,
  path: string,
  inputs: readonly Flow[],
  book: Ledger,
  node = 0,
): readonly Flow[] {
  const { config } = spec;
  const weights = book.weightsOf(path);
  if (weights.length < (rule.weights ?? 0)) throw misfit(path, `${rule.weights} weights`, `${weights.length}`);
  if (rule === inputLayer && !Array.isArray(config.batchInputShape)) throw misfit(path, 'a batchInputShape', 'none');
  const { outputs: flows, sites = [] } = rule.trace(layerCall(path, config, inputs, book));
  // Own objects, so that what comes out of a call is not taken for what went in.
  const outputs = flows.map(flow => ({ ...flow }));
  for (const site of sites) book.record(path, site);
  const unknown = unknownKeys(rule, config);
  if (unknown.length > 0) {
    const reason = `config of "${path}" sets ${unknown.join(', ')}, which its rule does not know`;
    for (const { width } of [...inputs, ...outputs, ...sites]) book.freeze(width, reason);
  }
  book.recordCall({ layer: path, node, rule, config, inputs, outputs });
  return outputs;
}

function layerCall(path: string, config: Config, inputs: readonly Flow[], book: Ledger): LayerCall {
  const weights = book.weightsOf(path);
  return {
    path,
    config,
    inputs,
    weights,
    fresh(key, length, kind) {
      if (Number.isInteger(length)) return book.fresh(path, key, length, kind);
      // A weight of too low a rank has no length on the axis that says it.
      throw misfit(path, 'weights of the rank of its class', weights.map(shape => `[${shape.join(', ')}]`).join(' and ')); // prettier-ignore
    },
    unify: (...widths) => {
      const lengths = new Set(widths.map(({ length }) => length));
      if (lengths.size > 1) throw misfit(path, 'inputs of one width', [...lengths].join(' and '));
      return book.unify(path, widths);
    },
    regard: (width, kind) => book.regard(width, kind),
    freeze: (width, reason) => book.freeze(width, reason),
    readBare: width => book.readBare(path, width),
    shift: (width, reason) => book.shift(width, reason),
  };
}

/** Settings whose meaning `rule` does not cover. */
export function unknownKeys(rule: LayerRule, config: Config): string[] {
  const known = (key: string): boolean =>
    COMMON_KEYS.includes(key) || TRAINING_KEYS.test(key) || rule.understands.includes(key);
  return Object.keys(config).filter(key => config[key] != null && config[key] !== false && !known(key));
}

function misfit(path: string, expected: string, got: string): PruneError {
  const cure = 'The topology is damaged; save the model again.';
  return new PruneError('bad-model', { place: `layer "${path}"`, expected, got, cure });
}
