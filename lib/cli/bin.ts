#!/usr/bin/env node
/** The entry point of the command. */
import { main } from './main';

const { stdout, stderr } = process;
// tf.js warns of oddities of a file at every load; what matters comes as a refusal, in one line.
console.warn = () => {};
const onlyForEyes = (text: string): void => {
  stderr.write(`\r\x1b[K${text.slice(0, (stderr.columns || 80) - 1)}`);
};

const streams = {
  out: (text: string) => void stdout.write(`${text}\n`),
  error: (text: string) => void stderr.write(`${text}\n`),
  ...(stderr.isTTY && { progress: onlyForEyes }),
};

void main(process.argv.slice(2), streams).then(code => {
  process.exitCode = code;
});
