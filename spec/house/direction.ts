/** Which part of lib may know which: the drawing of the architecture as a table. */
import { resolveImport, type Import } from './sources';

const PURE = ['core', 'rules', 'graph', 'edit'];

/** What each folder may import beside itself; an entry with "/" is a single file. */
const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  core: [],
  rules: ['core'],
  graph: ['core', 'rules'],
  edit: ['core', 'rules', 'graph'],
  criteria: PURE,
  budgets: PURE,
  methods: [...PURE, 'criteria', 'budgets'],
  report: PURE,
  onnx: PURE,
  io: ['core'],
  browser: ['core'],
  kernels: ['core'],
  native: ['core'],
  models: ['core', 'rules', 'io', 'layers', 'runtime'],
  layers: ['core', 'rules', 'edit/slim', 'kernels/fused'],
  runtime: [
    'core',
    'edit',
    'kernels',
    'layers',
    'io',
    'onnx',
    'graph/cost',
    'report/latency',
    'report/report',
    'report/reportFile',
  ],
};
/** They put the parts together and may import all of them. */
const ASSEMBLY = ['compress', 'identity', 'lookAt', 'plan', 'scan', 'index', 'cli'];

const TENSOR_FOLDERS = ['runtime', 'layers', 'kernels'];
const NODE_FOLDERS = ['io', 'cli', 'native', 'runtime', 'models'];

/** Why `file` of lib may not have this import, or undefined. */
export function violation(file: string, { target, typeOnly }: Import): string | undefined {
  const inside = file.replace(/^lib\//, '');
  const [from] = inside.replace(/\.ts$/, '').split('/');
  if (target.startsWith('.')) return directionViolation(from, resolveImport(file, target));
  if (/^@tensorflow\/tfjs($|-node)/.test(target)) return 'the user decides on the union package or a native one';
  if (target.startsWith('@tensorflow/tfjs-backend-')) {
    return inside === 'runtime/loaders.ts' ? undefined : 'only runtime/loaders.ts knows backends';
  }
  if (target.startsWith('@tensorflow/')) {
    const allowed = TENSOR_FOLDERS.includes(from) || inside === 'report/latency.ts';
    return allowed || ([...ASSEMBLY, 'models'].includes(from) && typeOnly)
      ? undefined
      : 'tensors live only at the edge';
  }
  if (target.startsWith('node:')) return NODE_FOLDERS.includes(from) ? undefined : 'this part runs in browsers too';
  return undefined;
}

function directionViolation(from: string, resolved: string): string | undefined {
  if (!resolved.startsWith('lib/')) {
    return from === 'cli' && resolved === 'package.json' ? undefined : `${resolved} is not part of lib`;
  }
  if (ASSEMBLY.includes(from)) return undefined;
  const to = resolved.slice('lib/'.length);
  const [folder] = to.split('/');
  const known = MAY_KNOW[from];
  if (!known) return `folder ${from} has no place in the table of spec/house/direction.ts`;
  const allowed = folder === from || known.some(entry => entry === folder || entry === to.replace(/\.ts$/, ''));
  return allowed ? undefined : `${from} must not know ${to}`;
}
