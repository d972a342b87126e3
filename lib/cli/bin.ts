#!/usr/bin/env node
/** The entry point of the command. */
import { main } from './main';

const streams = {
  out: (text: string) => void process.stdout.write(`${text}\n`),
  error: (text: string) => void process.stderr.write(`${text}\n`),
};

void main(process.argv.slice(2), streams).then(code => {
  process.exitCode = code;
});
