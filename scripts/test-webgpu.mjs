/**
 * Runs spec/webgpu on a WebGPU device, with the packages webgpu and tfjs-backend-webgpu in a folder of their own. Where there is no
 * adapter it says so and succeeds. Chromium's software adapter serves where it is installed and no other driver is named.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'tsup';
import { haveIn } from './own-folder.mjs';

/** What the tests have run with. */
const PACKAGES = { webgpu: '0.6.2', '@tensorflow/tfjs-backend-webgpu': '4.22.0' };
const SOFTWARE = ['/usr/lib/chromium', '/opt/google/chrome'].map(folder => `${folder}/vk_swiftshader_icd.json`);
const PROBE = `
  import { create } from 'webgpu';
  const adapter = await create([]).requestAdapter();
  if (adapter) console.log([adapter.info.device || adapter.info.vendor, adapter.info.description].join(', '));
`;

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const folder = `${root}.webgpu`;
const tests = `${folder}/tests`;
const wanted = process.argv.slice(2);

if (!haveIn(folder, PACKAGES, 'inherit')) skip('the packages webgpu and tfjs-backend-webgpu cannot be installed');
const environment = withDriver();
await build();
const files = readdirSync(tests)
  .filter(file => file.endsWith('.test.js') && (wanted.length === 0 || wanted.some(name => file.includes(name))))
  .map(file => `${tests}/${file}`);
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...files], {
  cwd: root,
  stdio: 'inherit',
  env: environment,
});
process.exit(status ?? 1);

/** The environment in which there is an adapter. */
function withDriver() {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const software = SOFTWARE.find(file => existsSync(file));
  const tries = [process.env];
  if (software && !VK_DRIVER_FILES && !VK_ICD_FILENAMES) {
    tries.push({ ...process.env, VK_ICD_FILENAMES: software });
  }
  for (const env of tries) {
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', PROBE], { cwd: folder, env });
    const adapter = String(stdout).trim();
    if (!adapter) continue;
    console.log(`WebGPU on ${adapter}, Node.js ${process.versions.node}.`);
    return env;
  }
  return skip('there is no graphics adapter (a GPU with a Vulkan driver, or Chromium with libvulkan1)');
}

/** Bundled, so that the library looks for its optional packages from there. */
async function build() {
  rmSync(tests, { recursive: true, force: true });
  const entries = readdirSync(`${root}spec/webgpu`).filter(file => file.endsWith('.test.ts'));
  await bundle({
    config: false,
    entry: entries.map(file => `spec/webgpu/${file}`),
    outDir: tests,
    target: 'node20',
    removeNodeProtocol: false, // node:test has no other name
    silent: true,
  });
}

function skip(reason) {
  console.log(`The tests on WebGPU are skipped: ${reason}.`);
  process.exit(0);
}
