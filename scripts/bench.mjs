/** Runs every bench/*.ts but the harness, one after the other; names given as arguments select. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);
const files = existsSync(`${root}bench`)
  ? readdirSync(`${root}bench`).filter(file => file.endsWith('.ts') && file !== 'harness.ts')
  : [];
const chosen = files.filter(file => wanted.length === 0 || wanted.some(name => file.includes(name))).sort();
if (chosen.length === 0) {
  console.error(`bench: nothing matches ${wanted.join(', ') || '*.ts'}. There are: ${files.join(', ') || 'none'}.`);
  process.exit(1);
}
let failed = 0;
for (const file of chosen) {
  console.log(`\n${file}`);
  const tsx = fileURLToPath(import.meta.resolve('tsx/cli'));
  const { status } = spawnSync(process.execPath, [tsx, `bench/${file}`], { cwd: root, stdio: 'inherit' });
  if (status !== 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
