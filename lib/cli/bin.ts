#!/usr/bin/env node
/** The entry point of the command. */
import { main } from './main';
import { painter } from './paint';

const { stdout, stderr } = process;
const [paint, aside] = [painter(stdout), painter(stderr)];
// tf.js warns of oddities of a file at every load; what matters comes as a refusal, in one line.
console.warn = () => {};
const onlyForEyes = (text: string): void => {
  stderr.write(`\r\x1b[K${aside.progress(text.slice(0, (stderr.columns || 80) - 1))}`);
};

const streams = {
  out: (text: string) => void stdout.write(`${paint.text(text)}\n`),
  error: (text: string) => void stderr.write(`${aside.refusal(text)}\n`),
  ...(stderr.isTTY && { progress: onlyForEyes }),
};

void main(process.argv.slice(2), streams).then(code => {
  process.exitCode = code;
});
