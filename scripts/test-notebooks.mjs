/**
 * Runs the notebooks of examples/notebooks in Jupyter with the kernel tslab, each in a kernel of its own, beside the package as users get
 * it, and holds what they give against what is checked in: `npm run test:notebooks`, with names of notebooks if need be. With --write
 * what they give is put into them. What is tagged "timing" may differ. Jupyter and tslab are installed in .notebooks/, nowhere else; with
 * --ci a machine that has no Python, or reaches no registry, passes with a line that says so.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { install, pack, root } from './consumer.mjs';

/** What the notebooks have run with. The native part of zeromq comes inside its package. */
const PACKAGES = { dependencies: { tslab: '1.0.22' }, overrides: { zeromq: '6.8.0' } };
/** For the kernel's own installer, IPython too. */
const JUPYTER = ['nbclient>=0.10,<0.12', 'nbformat>=5.10,<6', 'jupyter_client>=8.6,<9', 'ipython>=8'];
/** Lines that are printed one after the other are one output, and no cell says when it ran. */
const PLAIN = ['--NotebookClient.coalesce_streams=True', '--NotebookClient.record_timing=False'];
/** What npm and pip say of that. */
const UNREACHABLE = /ECONN|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|E40[13]|E5\d\d|connection|timed out|from versions: none/i;
/** Seconds of a cell. */
const LONGEST = 600;

const source = join(root, 'examples/notebooks');
const home = join(root, '.notebooks');
const venv = join(home, 'venv');
const bin = join(venv, process.platform === 'win32' ? 'Scripts' : 'bin');
const given = process.argv.slice(2);
const flags = ['--ci', '--write'].filter(flag => given.includes(flag));
const wanted = given.filter(argument => !flags.includes(argument));
const names = readdirSync(source).filter(
  file => file.endsWith('.ipynb') && (wanted.length === 0 || wanted.some(name => file.includes(name))),
);

if (setUp()) {
  const project = prepare();
  const failed = names.filter(name => !passes(name, project));
  console.log(`${names.length - failed.length} of ${names.length} notebooks passed`);
  process.exitCode = failed.length === 0 && names.length > 0 ? 0 : 1;
}

function setUp() {
  const stamp = join(home, 'installed.json');
  const versions = JSON.stringify([PACKAGES, JUPYTER]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === versions) return true;
  console.log('Installing tslab and Jupyter in .notebooks/ (only this once) ...');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, ...PACKAGES }));
  const python = ['python3', 'python', 'py'].find(
    name => spawnSync(name, ['-c', 'import venv, ensurepip']).status === 0,
  );
  if (python === undefined) return skip('there is no Python with venv');
  const steps = [
    ['npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], 'tslab'],
    [python, ['-m', 'venv', venv], 'a virtual environment of Python'],
    [join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...JUPYTER], 'Jupyter'],
    [tslab(), ['install', '--sys-prefix', `--python=${join(bin, 'python')}`, `--binary=${tslab()}`], 'the kernel'],
  ];
  for (const [command, args, what] of steps) {
    const { status, stdout, stderr } = execute(command, args, home);
    if (status === 0) continue;
    if (UNREACHABLE.test(stdout + stderr))
      return skip(`${what} cannot be downloaded, as its registry is not reachable`);
    process.exitCode = 1;
    return failure(`${what} cannot be installed`, stdout + stderr);
  }
  writeFileSync(stamp, versions);
  return true;
}

function tslab() {
  return join(home, 'node_modules/.bin/tslab');
}

/** A folder in which the package is installed, with the notebooks and their data. */
function prepare() {
  const project = join(home, 'project');
  rmSync(project, { recursive: true, force: true });
  mkdirSync(project);
  install(pack(project).tarball, project);
  cpSync(source, join(project, 'notebooks'), { recursive: true });
  symlinkSync(join(root, 'examples/data'), join(project, 'data'), 'junction');
  return project;
}

function passes(name, project) {
  const started = Date.now();
  const file = join(project, 'notebooks', name);
  const options = [`--timeout=${LONGEST}`, ...PLAIN, '--inplace'];
  const { status, stdout, stderr } = execute(join(bin, 'jupyter-execute'), [...options, file], project);
  const seconds = `${Math.round((Date.now() - started) / 1000)} s`;
  if (status !== 0)
    return failure(`${name}, ${seconds}`, `${stdout}${stderr}`.replace(/^[^]*?(?=An error occurred)/, ''));
  const [checkedIn, fresh] = [join(source, name), file].map(path => JSON.parse(readFileSync(path, 'utf8')));
  if (flags.includes('--write')) {
    writeFileSync(join(source, name), `${JSON.stringify(withOutputs(checkedIn, fresh), null, 1)}\n`);
    console.log(`  written ${name}, ${seconds}`);
    return true;
  }
  const other = differences(checkedIn, fresh);
  if (other.length > 0) return failure(`${name}, ${seconds}`, [...other, hint(checkedIn, fresh)].join('\n'));
  console.log(`  ok      ${name}, ${seconds}`);
  return true;
}

/** `notebook` with what its cells gave. */
function withOutputs({ cells, metadata, ...notebook }, fresh) {
  let count = 0;
  const ran = cells.map((cell, i) =>
    cell.cell_type === 'code' ? { ...cell, execution_count: ++count, outputs: fresh.cells[i].outputs } : cell,
  );
  return { cells: ran, metadata: { ...metadata, language_info: fresh.metadata.language_info }, ...notebook };
}

/** A line for each cell that gave something else than what is checked in. */
function differences(checkedIn, fresh) {
  return checkedIn.cells.flatMap((cell, i) => {
    if (cell.cell_type !== 'code') return [];
    const timing = cell.metadata.tags?.includes('timing');
    const [was, is] = [cell, fresh.cells[i]].map(({ outputs }) => outputs.map(output => contentOf(output, timing)));
    const at = was.findIndex((output, k) => output !== is[k]);
    if (at < 0 && was.length === is.length) return [];
    return [`cell ${i + 1} gave something else:`, `- ${excerpt(was[at], is[at])}`, `+ ${excerpt(is[at], was[at])}`];
  });
}

/** What of an output counts: of a timing its kind alone. */
function contentOf({ output_type: type, name, data, text }, timing) {
  return timing ? JSON.stringify([type, name]) : JSON.stringify([type, name, data ?? text]);
}

/** Where `text` begins to differ. */
function excerpt(text = 'nothing', other = '') {
  const from = [...text].findIndex((letter, i) => letter !== other[i]);
  return text.slice(Math.max(0, from - 60), from + 140);
}

function hint({ metadata: was }, { metadata: is }) {
  const [before, now] = [was, is].map(({ language_info: language }) => language?.version);
  const machine =
    before === now
      ? 'If what they give is meant to change'
      : `They were written by Node.js ${before}, this is ${now}. If they are right`;
  return `${machine}: npm run test:notebooks -- --write, and look at them.`;
}

/** Nothing is read from or written to what the user has of Jupyter, and no checkpoint of theirs is taken. */
function execute(command, args, cwd) {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TFJS_PRUNE_')));
  const folders = Object.fromEntries(
    ['CONFIG', 'DATA', 'RUNTIME'].map(of => [`JUPYTER_${of}_DIR`, join(home, `jupyter-${of.toLowerCase()}`)]),
  );
  const env = {
    ...inherited,
    ...folders,
    PATH: `${bin}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`,
  };
  return spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function failure(name, text) {
  console.log(`  FAILED  ${name}\n${text.trimEnd().replace(/^/gm, '          ')}`);
  return false;
}

function skip(reason) {
  const passed = flags.includes('--ci');
  console.log(`notebooks ${passed ? 'skipped' : 'not run'}: ${reason}.`);
  process.exitCode = passed ? 0 : 1;
  return false;
}
