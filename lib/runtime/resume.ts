/** Steps and epochs that were finished are kept; the same run, started again, goes on behind the last of them. */
import type { Checkpoint } from '../core/checkpoint';
import { unkept, type BaseContext, type Moments } from '../core/context';
import { PruneError } from '../core/errors';
import { hashOf, hashOfJson } from '../core/hash';
import { describe } from '../core/json';
import { pack, unpack } from '../core/pack';
import type { RunStore } from '../core/store';
import { addNotes, markOf, notesSince, type Journal, type Notes } from './journal';

/** Everything that the bytes of a result follow from; entries are compared one by one. */
export type Fingerprint = Readonly<Record<string, unknown>>;

const RUN = 'run.json';
/** How far the training is that goes on. */
const TRAINING = 'training.bin';

export interface Kept {
  readonly step: BaseContext['step'];
  /** For a training of `model`, to be called when it begins; undefined where nothing is kept. */
  training(model: Checkpoint): Promise<Halfway | undefined>;
}

/** Where a training keeps its state, which {@link pack} must be able to write. */
export interface Halfway {
  /** What was written last, by the same training of a run that was stopped. */
  read(): Promise<unknown>;
  write(state: unknown): Promise<void>;
}

/**
 * What a context keeps. Without a store it is nothing. A step that was damaged is run again.
 * @throws PruneError `bad-option` when the store keeps another run, `bad-file` when it cannot be read.
 */
export async function keptSteps<S>(
  store: RunStore | undefined,
  fingerprint: Fingerprint,
  journal: Journal<S>,
  log: (message: string) => void,
): Promise<Kept> {
  if (store === undefined) return { step: unkept, training: () => Promise.resolve(undefined) };
  const run = await begin(store, fingerprint);
  /** The innermost last. */
  const open: OpenStep[] = [{ file: RUN, trainings: 0 }];
  let begun = 0;
  const step: BaseContext['step'] = async (name, model, work) => {
    const file = `step-${String(begun++).padStart(4, '0')}.bin`;
    const head = { run, name, model: await hashOf(model) };
    const kept = await read<S>(store, file, head, log);
    if (kept !== undefined) {
      log(`${name}: done by the run that was stopped`);
      return replay(kept, model, journal);
    }
    const [mark, steps, { moments, recalled }] = [markOf(journal.notes), begun, { ...journal }];
    const result = await within(open, file, work);
    if (begun > steps) return result; // its parts are kept, which is enough
    const notes = notesSince(journal.notes, mark);
    const same = result === model;
    const stays = journal.last === result;
    const learnt = journal.moments === moments ? {} : { moments: journal.moments ?? null };
    const scores = journal.recalled === recalled ? {} : { recalled: journal.recalled };
    const whole: KeptStep<S> = { head, notes, same, stays, ...(!same && { result }), ...learnt, ...scores };
    await store.write(file, await pack(whole));
    if ((await store.read(TRAINING))?.length) await store.write(TRAINING, new Uint8Array());
    return result;
  };
  return { step, training: trainings(store, run, open) };
}

/** A step that goes on; trainings are counted by the step that has them. */
interface OpenStep {
  readonly file: string;
  trainings: number;
}

async function within<T>(open: OpenStep[], file: string, work: () => Promise<T>): Promise<T> {
  open.push({ file, trainings: 0 });
  try {
    return await work();
  } finally {
    open.pop();
  }
}

function trainings(store: RunStore, run: string, open: readonly OpenStep[]): Kept['training'] {
  return async model => {
    const inner = open[open.length - 1];
    const name = `training ${inner.trainings++} of ${inner.file}`;
    const head = { run, name, model: await hashOf(model) };
    return {
      async read() {
        const bytes = await store.read(TRAINING);
        const kept = bytes && ((await unpack(bytes)) as { readonly head: Head; readonly state: unknown } | undefined);
        return kept !== undefined && isSame(kept.head, head) ? kept.state : undefined;
      },
      write: async state => store.write(TRAINING, await pack({ head, state })),
    };
  };
}

interface Head {
  readonly run: string;
  readonly name: string;
  /** Hash of the model that the step was given. */
  readonly model: string;
}

interface KeptStep<S> {
  readonly head: Head;
  readonly notes: Notes<S>;
  /** It returned the model it was given. */
  readonly same: boolean;
  readonly result?: Checkpoint;
  /** The result was the last stage. */
  readonly stays: boolean;
  /** What the optimizer knew then; null for nothing, absent where it was as before the step. */
  readonly moments?: Moments | null;
  /** Absent where there were no others than before the step. */
  readonly recalled?: Journal['recalled'];
}

const isSame = (a: Head, b: Head): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Hash of the fingerprint, after it was found to be that of the run in `store`, or written into an empty one. */
async function begin(store: RunStore, fingerprint: Fingerprint): Promise<string> {
  const own = JSON.parse(JSON.stringify(fingerprint)) as Fingerprint;
  const bytes = await store.read(RUN);
  if (bytes === undefined) await store.write(RUN, new TextEncoder().encode(JSON.stringify(own, null, 2)));
  else requireSame(store, own, parse(store, bytes));
  return hashOfJson(own);
}

function parse({ name }: RunStore, bytes: Uint8Array): Fingerprint {
  try {
    return Object(JSON.parse(new TextDecoder().decode(bytes))) as Fingerprint;
  } catch (cause) {
    throw new PruneError(
      'bad-file',
      {
        place: `resume "${name}", ${RUN}`,
        expected: 'the JSON that a run begins with',
        got: 'a damaged file',
        cure: 'Delete what is in there, or name another place; the run then starts from its beginning.',
      },
      { cause },
    );
  }
}

function requireSame({ name }: RunStore, own: Fingerprint, kept: Fingerprint): void {
  const keys = [...new Set([...Object.keys(kept), ...Object.keys(own)])];
  const others = keys.filter(key => JSON.stringify(own[key]) !== JSON.stringify(kept[key]));
  if (others.length === 0) return;
  const tell = (from: Fingerprint): string => others.map(key => `${key} ${differing(from, own, kept, key)}`).join(', ');
  throw new PruneError('bad-option', {
    place: `resume "${name}"`,
    expected: `the run that was begun there, with ${tell(kept)}`,
    got: `one with ${tell(own)}`,
    cure: 'Go on with the same model, data and options, or name another place for another run.',
  });
}

/** Of long values that begin alike, where they part. */
function differing(from: Fingerprint, own: Fingerprint, kept: Fingerprint, key: string): string {
  const [a, b] = [own, kept].map(one => JSON.stringify(one[key]) ?? '');
  let at = 0;
  while (at < Math.min(a.length, b.length) && a[at] === b[at]) at++;
  if (at < 40) return describe(from[key]);
  const text = JSON.stringify(from[key]);
  return `...${text.slice(at - 30, at + 30)}...`;
}

async function read<S>(
  store: RunStore,
  file: string,
  head: Head,
  log: (message: string) => void,
): Promise<KeptStep<S> | undefined> {
  const bytes = await store.read(file);
  if (bytes === undefined) return undefined;
  const kept = (await unpack(bytes)) as KeptStep<S> | undefined;
  if (kept !== undefined && isSame(kept.head, head)) return kept;
  log(`${file} is ${kept ? 'of another run' : 'damaged'}; ${head.name} runs again`);
  return undefined;
}

function replay<S>(kept: KeptStep<S>, model: Checkpoint, journal: Journal<S>): Checkpoint {
  const { notes, same, result, stays, moments, recalled } = kept;
  addNotes(journal.notes, notes);
  if (recalled) journal.recalled = recalled;
  if (moments !== undefined) journal.moments = moments ?? undefined;
  const next = same ? model : result!;
  if (stays) journal.last = next;
  else if (notes.stages.length > 0) journal.last = undefined;
  return next;
}
