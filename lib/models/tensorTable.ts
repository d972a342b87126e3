/** The tensors a model of a config has to have, by name and shape, and a checkpoint held against them. */
import { describe } from '../core/json';
import { fileRefuser } from '../io/bytes';
import { bertTensors } from './bertTensors';
import type { ModelConfig } from './config';
import { llamaTensors } from './llamaTensors';
import type { TensorTable } from './tensorRow';
import { vitTensors } from './vitTensors';

export function tensorTable(config: ModelConfig): TensorTable {
  if (config.kind === 'llama') return llamaTensors(config);
  return config.kind === 'bert' ? bertTensors(config) : vitTensors(config);
}

/**
 * The name under which a checkpoint holds each tensor of `config`, by the name that `transformers` gives it.
 * @throws PruneError `bad-file` when one is missing, has another shape, or is there and not understood.
 */
export function matchTensors(
  place: string,
  config: ModelConfig,
  stored: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): ReadonlyMap<string, string> {
  const { rows, prefix, harmless } = tensorTable(config);
  const found = new Map<string, string>();
  const used = new Set<string>();
  for (const { name, shape, or = [], optional = false } of rows) {
    const names = [name, ...or].flatMap(each => [each, withoutPrefix(each, prefix)]);
    const own = names.find(each => stored.has(each));
    names.filter(each => stored.has(each)).forEach(each => used.add(each));
    if (own === undefined) {
      if (!optional) refuseTensor(place, name, `shape ${describe(shape)}`, 'none');
      continue;
    }
    const got = stored.get(own)!.shape;
    if (got.join() !== shape.join()) {
      refuseTensor(place, own, `shape ${describe(shape)}, as its config has it`, describe(got));
    }
    found.set(name, own);
  }
  const strange = [...stored.keys()].find(name => !used.has(name) && !harmless.test(name));
  if (strange !== undefined) refuseTensor(place, strange, 'to be of the model that its config describes', 'another');
  return found;
}

function withoutPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

function refuseTensor(place: string, name: string, expected: string, got: string): never {
  const cure = 'Config and checkpoint are of different models; take both from one folder.';
  return fileRefuser(`${place}, tensor ${describe(name)}`)(expected, got, cure);
}
