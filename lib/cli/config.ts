/** Options from a file: JSON, or YAML, which JSON is a part of. */
import { parse } from 'yaml';
import { PruneError } from '../core/errors';
import { describe, isRecord } from '../core/json';
import type { Options } from './command';
import { readGivenFile } from './readFile';

/**
 * What the file at `path` says, as it would be typed: a switch is there or not.
 * @throws PruneError `bad-file` when it cannot be read, `bad-option` for what is none of `known` or has no such value.
 */
export async function readConfigFile(path: string, known: Options): Promise<ReadonlyMap<string, string>> {
  const place = `--config "${path}"`;
  const content = parsed(place, String(await readGivenFile(place, 'a JSON or YAML file', path)));
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(content)) {
    const refuse = (expected: string, got: string): never => {
      throw new PruneError('bad-option', { place, expected, got, cure: 'Options are named as in --help, without the dashes.' }); // prettier-ignore
    };
    if (name === 'config' || !Object.hasOwn(known, name)) return refuse('options of the command', `"${name}"`);
    const takes = known[name].value;
    if (!takes && typeof value !== 'boolean') return refuse(`${name} true or false`, describe(value));
    if (takes && typeof value !== 'string' && typeof value !== 'number')
      return refuse(`${takes} for ${name}`, describe(value));
    if (value !== false) values.set(name, takes ? String(value) : '');
  }
  return values;
}

function parsed(place: string, text: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = parse(text);
  } catch (cause) {
    const [got] = (cause as Error).message.split('\n');
    throw new PruneError(
      'bad-file',
      { place, expected: 'JSON or YAML', got: `"${got}"`, cure: 'Mend that line.' },
      { cause },
    );
  }
  if (isRecord(content)) return content;
  const cure = 'Write one option per line, such as ratio: 0.5.';
  throw new PruneError('bad-file', { place, expected: 'options by name', got: describe(content), cure });
}
