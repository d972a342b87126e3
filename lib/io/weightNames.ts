/** Which weight of a file belongs to which weight of a model. Whoever writes a file names weights in a way of its own. */
import { isContainer, join, nameOf, type Topology } from '../core/checkpoint';
import { describe, type Refuse } from '../core/json';
import type { WeightSpec } from './manifest';

/** A weight that the model has. */
export interface Slot {
  /** As tf.js names it when it saves: "layer/kernel". */
  readonly name: string;
  /** Path of the layer through nested models. */
  readonly path: string;
  /** Index in the layer's `weights`. */
  readonly index: number;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** A name in a file and the name that a slot would have there, by one way of naming. */
interface Naming {
  readonly inFile: (name: string) => string;
  readonly ofSlot: (slot: Slot) => string;
}

/**
 * For each of `specs` the index of its slot. Names that tf.js itself matches go first, then those with what else converters
 * write: the names of nested models and of the outermost, ":0", or the folders of a .keras file. A name counts only where
 * just one weight and one slot have it.
 * @throws what `refuse` throws unless every weight has its slot and every slot its weight, of the same shape and type.
 */
export function matchWeights(
  specs: readonly WeightSpec[],
  slots: readonly Slot[],
  topology: Topology,
  refuse: Refuse,
): readonly number[] {
  const pairs = new Map<number, number>();
  const names = specs.map(({ name }) => name);
  const stored = storeNames(names, slots, topology);
  const prefix = commonPrefix(names);
  const namings: readonly Naming[] = [
    ...NAMINGS,
    ...NAMINGS.map(({ inFile, ofSlot }) => ({ inFile: (name: string) => inFile(name.slice(prefix.length)), ofSlot })),
    { inFile: name => name, ofSlot: slot => stored.get(slot) ?? '' },
  ];
  for (const naming of namings) pairUp(names, slots, naming, pairs);
  pairEndings(names, slots, pairs);
  requireAll(specs, slots, pairs, refuse);
  return specs.map((_, i) => pairs.get(i)!);
}

const scopeOf = (name: string): string => name.split('/').slice(0, -1).join('/');
const lastOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1);
const withoutOutput = (name: string): string => name.replace(/:0$/, '');
/** TensorFlow 2 puts the name of a recurrent cell, or of a wrapped layer, before that of the weight. */
const withoutCell = (name: string): string =>
  name
    .split('/')
    .filter((_, i, { length }) => i !== length - 2)
    .join('/');

const byName = ({ name }: Slot): string => name;
const byPath = ({ path, name }: Slot): string => `${path}/${lastOf(name)}`;
/** The kernel of a depthwise convolution is one like others in Keras 3. */
function asKeras3({ name }: Slot): string {
  return name.replace(/\/depthwise_kernel$/, '/kernel');
}
const byIndex = ({ name, index }: Slot): string => `${scopeOf(name)}/${index}`;

/** The first three are those of tf.js. */
const NAMINGS: readonly Naming[] = [
  { inFile: name => name, ofSlot: byName },
  { inFile: withoutCell, ofSlot: byName },
  { inFile: name => name, ofSlot: byIndex },
  { inFile: withoutOutput, ofSlot: byName },
  { inFile: withoutOutput, ofSlot: byPath },
  { inFile: name => withoutCell(withoutOutput(name)), ofSlot: byName },
  { inFile: name => withoutCell(withoutOutput(name)), ofSlot: byPath },
  { inFile: withoutOutput, ofSlot: asKeras3 },
];

function pairUp(names: readonly string[], slots: readonly Slot[], naming: Naming, pairs: Map<number, number>): void {
  const taken = new Set(pairs.values());
  const free = slots.map((_, i) => i).filter(i => !taken.has(i));
  const bySlot = groupBy(free, i => naming.ofSlot(slots[i]));
  const open = names.map((_, i) => i).filter(i => !pairs.has(i));
  for (const [name, weights] of groupBy(open, i => naming.inFile(names[i]))) {
    const found = bySlot.get(name) ?? [];
    if (name !== '' && weights.length === 1 && found.length === 1) pairs.set(weights[0], found[0]);
  }
}

/** "anything/layer/kernel", where only one slot fits so much of the end, and no other weight ends alike. */
function pairEndings(names: readonly string[], slots: readonly Slot[], pairs: Map<number, number>): void {
  const taken = new Set(pairs.values());
  const known = new Map<string, Set<number>>();
  slots.forEach((slot, i) => {
    if (taken.has(i)) return;
    for (const name of [byName(slot), byPath(slot)]) known.set(name, (known.get(name) ?? new Set()).add(i));
  });
  const claims = names.flatMap((name, i) => {
    const slot = pairs.has(i) ? undefined : longestEnding(withoutOutput(name), known);
    return slot === undefined ? [] : [{ weight: i, slot }];
  });
  for (const rivals of groupBy(claims, claim => claim.slot).values()) {
    if (rivals.length === 1) pairs.set(rivals[0].weight, rivals[0].slot);
  }
}

function longestEnding(name: string, known: ReadonlyMap<string, ReadonlySet<number>>): number | undefined {
  const tokens = name.split('/');
  for (let from = 1; from < tokens.length - 1; from++) {
    const ending = tokens.slice(from).join('/');
    for (const candidate of [ending, withoutCell(ending)]) {
      const found = known.get(candidate);
      if (found) return found.size === 1 ? [...found][0] : undefined;
    }
  }
  return undefined;
}

/** What all names begin with, up to a "/". */
function commonPrefix(names: readonly string[]): string {
  if (names.length === 0) return '';
  let length = Math.min(...names.map(name => name.lastIndexOf('/') + 1));
  while (length > 0 && !names.every(name => name.startsWith(names[0].slice(0, length)))) length--;
  return names[0].slice(0, names[0].lastIndexOf('/', length - 1) + 1);
}

/** The name that each slot has in a .keras file: "layers/conv2d_1/vars/0", by the class of the layer and not by its name. */
function storeNames(names: readonly string[], slots: readonly Slot[], topology: Topology): ReadonlyMap<Slot, string> {
  const stored = names.filter(name => /(^|\/)vars\/\d+$/.test(name));
  const found = new Map<Slot, string>();
  if (stored.length === 0) return found;
  const folders = storeFolders(topology);
  const known = new Set(folders.values());
  const inFolder = groupBy(stored, name => foldersOf(name).find(folder => known.has(folder)));
  for (const [path, own] of groupBy(slots, slot => slot.path)) {
    const files = inStoreOrder(inFolder.get(folders.get(path)) ?? []);
    if (files.length === own.length) own.forEach(slot => found.set(slot, files[slot.index]));
  }
  return found;
}

/** Every folder that `name` is in, outermost first. */
function foldersOf(name: string): readonly string[] {
  const tokens = name.split('/');
  return tokens.slice(0, -1).map((_, i) => tokens.slice(0, i + 1).join('/'));
}

/** The weights of one layer in the order of tf.js; none where it has several lists, but for the two of Bidirectional. */
function inStoreOrder(files: readonly string[]): readonly string[] {
  const lists = groupBy(files, scopeOf);
  const sorted = [...lists.values()].map(list => [...list].sort((a, b) => Number(lastOf(a)) - Number(lastOf(b))));
  if (sorted.length <= 1) return sorted.flat();
  const forward = sorted.filter(([name]) => name.includes('/forward_layer/'));
  const backward = sorted.filter(([name]) => name.includes('/backward_layer/'));
  return sorted.length === 2 && forward.length === 1 && backward.length === 1 ? [...forward[0], ...backward[0]] : [];
}

/** The folder of each layer in a .keras file by its path. */
function storeFolders({ config }: Topology, parent = '', folder = ''): Map<string, string> {
  const uses = new Map<string, number>();
  const folders = new Map<string, string>();
  for (const spec of config.layers) {
    const kind = snakeCase(spec.className);
    const use = uses.get(kind) ?? 0;
    uses.set(kind, use + 1);
    const path = join(parent, nameOf(spec));
    const own = `${folder}layers/${kind}${use === 0 ? '' : `_${use}`}`;
    if (!isContainer(spec)) folders.set(path, own);
    else for (const entry of storeFolders(spec, path, `${own}/`)) folders.set(...entry);
  }
  return folders;
}

function snakeCase(className: string): string {
  const words = className.replace(/\W+/g, '').replace(/(.)([A-Z][a-z]+)/g, '$1_$2');
  return words.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function requireAll(
  specs: readonly WeightSpec[],
  slots: readonly Slot[],
  pairs: ReadonlyMap<number, number>,
  refuse: Refuse,
): void {
  const taken = new Set(pairs.values());
  const left = slots.filter((_, i) => !taken.has(i)).map(byName);
  const odd = specs.findIndex((_, i) => !pairs.has(i));
  if (odd >= 0) {
    const wanted = left.length === 0 ? 'no other weights' : `weights ${list(left)}`;
    refuse(wanted, `"${specs[odd].name}", which fits no layer, or several`);
  }
  if (left.length > 0) refuse(`weights ${list(left)} too`, `${specs.length} of ${slots.length}`);
  for (const [i, slot] of pairs) {
    const [wanted, got] = [slots[slot], specs[i]].map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
    if (wanted !== got) refuse(`weight "${specs[i].name}" of ${wanted}`, got);
  }
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(name => describe(name));
  return [...shown, ...(names.length > 3 ? [`and ${names.length - 3} more`] : [])].join(', ');
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const known = groups.get(key);
    if (known) known.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
