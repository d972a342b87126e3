/** Masks over the units of a model, held to a number of open ones by Lagrange multipliers. */
import * as tf from '@tensorflow/tfjs-core';
import type { ShearMask, ShearOptions } from '../core/context';
import type { Random } from '../core/random';
import type { HungGates } from './hangGates';
import { MOST, open, sampled, settled } from './hardConcrete';

export interface Masks {
  /** Locations and multipliers, each divided by how much faster than the weights it is to move, as Adam moves all alike. */
  readonly variables: tf.Variable[];
  /** The loss that `task` and the masks have together; opens the gates. Runs inside a tidy. */
  around(task: () => tf.Scalar, step: number): () => tf.Scalar;
  /** Keeps the locations where they still say something. */
  clamp(): void;
  /** While `work` runs, the gates are as far open as the masks are without chance. */
  settled(work: () => Promise<void>): Promise<void>;
  /** Locations, mask by mask. */
  scores(): Promise<readonly Float64Array[]>;
  /** For people. */
  describe(): Promise<string>;
  dispose(): void;
}

/** All open at first. `hung` are the gates of all masks, in their order. */
export function createMasks(options: ShearOptions, hung: HungGates, draws: Random): Masks {
  const { masks, learningRate, maskRate } = options;
  const faster = maskRate / learningRate;
  const [multipliers, ...locations] = tf.tidy(() => [
    tf.variable(tf.zeros([kindsOf(masks).length, 2])),
    ...masks.map(({ units }) => tf.variable(tf.fill([units], MOST / faster))),
  ]);
  const places = placesOf(masks);
  const located = (): tf.Tensor[] => locations.map(location => tf.mul(location, faster));
  const factors = (values: readonly tf.Tensor[]): tf.Tensor[] => {
    const withOne = values.map(value => tf.concat([value, tf.ones([1])]));
    return places.map(({ mask, index }, g) => tf.reshape(tf.gather(withOne[mask], index), hung.shapes[g]));
  };
  return {
    variables: [...locations, multipliers],
    around(task, step) {
      const uniforms = masks.map(({ units }) => tf.tensor1d(Float32Array.from({ length: units }, () => inside(draws))));
      const [now, held] = [gaps(options, located(), step), tf.mul(multipliers, faster)];
      return () => {
        hung.set(factors(located().map((location, i) => sampled(location, uniforms[i]))));
        const holding = tf.sum(tf.mul(held, gaps(options, located(), step)));
        const climbing = tf.sum(tf.mul(tf.mul(multipliers, faster), now)); // its descent is the multipliers' ascent
        return tf.sub(tf.add(task(), holding), climbing);
      };
    },
    clamp: () =>
      tf.tidy(() => {
        const most = MOST / faster;
        for (const location of locations) location.assign(tf.clipByValue(location, -most, most));
      }),
    async settled(work) {
      const still = tf.tidy(() => factors(located().map(settled)));
      hung.set(still);
      await work().finally(() => tf.dispose(still));
    },
    scores: () => Promise.all(locations.map(location => scaledBy(faster, location))),
    describe: () => describe(masks, located),
    dispose: () => tf.dispose([...locations, multipliers, ...places.map(({ index }) => index)]),
  };
}

async function scaledBy(factor: number, location: tf.Variable): Promise<Float64Array> {
  return Float64Array.from(await location.data(), value => value * factor);
}

function kindsOf(masks: readonly ShearMask[]): string[] {
  return [...new Set(masks.map(({ kind }) => kind))];
}

/** For each gate its mask, and for each of its positions the unit, or one more where it is nobody's. */
function placesOf(masks: readonly ShearMask[]): readonly { readonly mask: number; readonly index: tf.Tensor1D }[] {
  return masks.flatMap(({ gates, units }, mask) =>
    gates.map(({ members }) => {
      const index = tf.tensor1d(members.map(member => (member < 0 ? units : member)), 'int32'); // prettier-ignore
      return { mask, index };
    }),
  );
}

/** `[kinds, 2]`: how much more of a mask is closed than shall be by now, and the square of it; means over the masks of a kind. */
function gaps({ masks, steps, warmup }: ShearOptions, at: readonly tf.Tensor[], step: number): tf.Tensor {
  const force = Math.min(1, step / Math.max(1, warmup * steps));
  const apart = masks.map(({ units, keep }, i) => tf.sub(1 - force * (1 - keep / units), tf.mean(open(at[i]))));
  return tf.stack(
    kindsOf(masks).map(kind => {
      const own = tf.stack(apart.filter((_, i) => masks[i].kind === kind));
      return tf.stack([tf.mean(own), tf.mean(tf.square(own))]);
    }),
  );
}

async function describe(masks: readonly ShearMask[], located: () => tf.Tensor[]): Promise<string> {
  const likely = tf.tidy(() => tf.stack(located().map(at => tf.sum(open(at)))));
  const counts = await likely.data().finally(() => likely.dispose());
  return kindsOf(masks)
    .map(kind => {
      const own = masks.map((mask, i) => ({ ...mask, count: counts[i] })).filter(mask => mask.kind === kind);
      const [is, all, goal] = (['count', 'units', 'keep'] as const).map(name => {
        return own.reduce((sum, mask) => sum + mask[name], 0) / own.length;
      });
      return `${kind} ${is.toFixed(1)} of ${all} (to be ${goal})`;
    })
    .join(', ');
}

/** In (0, 1), its ends left out. */
function inside(draws: Random): number {
  return Math.min(1 - 1e-6, Math.max(1e-6, draws.uniform()));
}
