/** What every command of tfjs-prune is made of. */

/** Where a command writes. */
export interface Streams {
  out(text: string): void;
  error(text: string): void;
  /** Shows one line over the one before, '' to clear it; absent where nobody watches. */
  readonly progress?: (text: string) => void;
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal;
}

export interface Option {
  /** Stands for the value in the help; an option without one is a switch. */
  readonly value?: string;
  /** What it does and its default, in a few words. */
  readonly help: string;
  readonly required?: boolean;
}

/** By name, without the dashes. */
export type Options = Readonly<Record<string, Option>>;

/** What was typed after the name of a command, checked against its options. */
export interface Given {
  /** One for each of the command's operands. */
  readonly paths: readonly string[];
  has(option: string): boolean;
  word(option: string): string | undefined;
  /** @throws PruneError `bad-option` for what is no number. */
  number(option: string): number | undefined;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Names of the models it takes, such as MODEL. */
  readonly operands: readonly string[];
  /** What they are; default: model.json, its folder or address, or a file of Keras. */
  readonly about?: string;
  readonly options: Options;
  /** It runs no model, so that there is no backend to choose. */
  readonly filesOnly?: boolean;
  /** What to know before using it, and a line to start from. */
  readonly help: { readonly about: string; readonly example: string };
  /** The text for stdout. */
  run(given: Given, streams: Streams): Promise<string>;
}

/** Options that every command has. */
export const COMMON: Options = {
  config: { value: 'FILE', help: 'JSON or YAML with options by name, such as ratio: 0.5; what is typed counts first' },
  json: { help: 'print data and nothing else' },
  help: { help: 'print this' },
};

const BACKEND: Options = {
  backend: { value: 'B', help: 'tf.js backend: auto (default), node-gpu, node, webgpu, wasm, cpu' },
};

type Typed = Pick<Command, 'operands' | 'options' | 'filesOnly'>;

/** All that `command` understands; those that run a model do it on a backend of choice. */
export function optionsOf({ operands, options, filesOnly = operands.length === 0 }: Typed): Options {
  return { ...options, ...(!filesOnly && BACKEND), ...COMMON };
}
