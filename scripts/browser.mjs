/** Builds the page of examples/browser and serves it until it is stopped: `npm run browser`, or `npm run browser -- --port 8080`. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildPage, servePage } from './browser-page.mjs';

const { values } = parseArgs({ options: { port: { type: 'string', default: '5180' } } });
const out = fileURLToPath(new URL('../out/browser', import.meta.url));
await buildPage(out);
const { address } = await servePage(out, Number(values.port)).catch(() => servePage(out));
console.log(`The page is at ${address} (Ctrl+C ends it).`);
