/** Learning from another model: what it answers, and what its layers give on the way. */
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { FeaturePair, Teacher } from '../core/context';
import { PruneError } from '../core/errors';
import { showShape, type Shape } from '../core/shapes';
import { layersOf, wrapCall } from './leaves';
import { divergence, prepareLoss, type Answer, type Loss, type LossTerm } from './loss';
import { withModel } from './materialize';
import { forward } from './predict';

/** What the teacher says to one batch; tensors of the tidy it was asked in. */
export interface Lesson {
  readonly answers: readonly tf.Tensor[];
  readonly features: readonly tf.Tensor[];
}

/** A teacher at work. */
export interface Guide {
  /** Inference mode; call it inside a tidy, outside of what gradients are taken of. */
  ask(inputs: readonly tf.Tensor[]): Lesson;
  /** The loss of a student that has just given `outputs`, where its `task` loss alone is known. */
  loss(lesson: Lesson, outputs: readonly tf.Tensor[], task: tf.Scalar): tf.Scalar;
  /** Frees what layers gave, once it is not needed any more. */
  release(): void;
}

/**
 * Lends `use` a guide for `student`, whose outputs are as `terms` want them, and frees the teacher's model afterwards.
 * Papers: Hinton et al. 2015, 1503.02531, section 2 (the factor T^2 included); Romero et al. 2015, FitNets, 1412.6550,
 * equation 3. Differs: features are compared in equal shapes only, without a regressor between; sigmoids are softened alike;
 * outputs that are no probabilities are compared by their squared error.
 * @throws PruneError `bad-option` for layers or shapes that do not match.
 */
export async function withGuide<T>(
  teacher: Required<Teacher> | undefined,
  loss: Loss,
  student: LayersModel,
  terms: readonly LossTerm[],
  use: (guide?: Guide) => Promise<T>,
): Promise<T> {
  if (teacher === undefined) return use();
  const { checkpoint, terms: known } = prepareLoss(teacher.model, loss);
  return withModel(checkpoint, async model => {
    const { features } = teacher;
    requireAlike({ model, terms: known }, { model: student, terms }, features);
    const given = watch(student, features.map(pair => pair.student)); // prettier-ignore
    const wanted = watch(model, features.map(pair => pair.teacher ?? pair.student)); // prettier-ignore
    const answers = terms.map((term, i) => [known[i].answer, term.answer] as const);
    const release = (): void => [given, wanted].forEach(seen => seen.release());
    try {
      return await use({
        ask: inputs => ({ answers: forward(model, inputs), features: wanted.read() }),
        loss: (lesson, outputs, task) => {
          const far = answers.map((pair, i) => distance(pair, [lesson.answers[i], outputs[i]], teacher.temperature));
          const apart = given.read().map((feature, i) => squaredError(lesson.features[i], feature));
          return tf.addN<tf.Tensor>([
            ...far.map(distance => tf.mul(distance, teacher.weight)),
            tf.mul(task, 1 - teacher.weight),
            ...apart.map((error, i) => tf.mul(error, features[i].weight)),
          ]) as tf.Scalar;
        },
        release,
      });
    } finally {
      release();
    }
  });
}

interface Pupil {
  readonly model: LayersModel;
  readonly terms: readonly LossTerm[];
}

/** Before training, where to refuse costs nothing. */
function requireAlike(teacher: Pupil, student: Pupil, features: readonly FeaturePair[]): void {
  student.model.outputs.forEach(({ shape }, i) => {
    requireShape(`output ${i}`, teacher.model.outputs[i]?.shape ?? [], shape);
    const [wanted, given] = [teacher, student].map(({ terms }) => terms[i].answer.kind);
    if (wanted !== given) throw mismatch(`output ${i}`, `${wanted} as of the teacher`, given);
  });
  for (const pair of features) {
    const given = outputShape(student.model, pair.student, 'student');
    const wanted = outputShape(teacher.model, pair.teacher ?? pair.student, 'teacher');
    requireShape(`features of layer "${pair.student}"`, wanted, given);
  }
}

/** Of the last call. */
function outputShape(model: LayersModel, path: string, whose: string): Shape {
  const all = layersOf(model);
  const { layer } = all.find(leaf => leaf.path === path) ?? unknownLayer(whose, path, all.map(leaf => leaf.path)); // prettier-ignore
  return layer.inboundNodes[layer.inboundNodes.length - 1].outputTensors[0].shape;
}

function requireShape(place: string, wanted: Shape, given: Shape): void {
  const fits = wanted.length === given.length && wanted.every((size, i) => size === null || given[i] === null || size === given[i]); // prettier-ignore
  if (fits) return;
  const [a, b] = [wanted, given].map(showShape);
  throw mismatch(place, `the shape of the teacher's, ${a}`, b);
}

/** What layers gave in their last call. */
interface Watched {
  read(): readonly tf.Tensor[];
  release(): void;
}

function watch(model: LayersModel, paths: readonly string[]): Watched {
  const leaves = new Map(layersOf(model).map(({ path, layer }) => [path, layer]));
  const seen = new Map<string, tf.Tensor>();
  for (const path of new Set(paths)) {
    wrapCall(leaves.get(path)!, call => (inputs, kwargs) => {
      const outputs = call(inputs, kwargs);
      seen.get(path)?.dispose();
      // tf.js frees what a layer gave once all that read it have run; a copy stays.
      seen.set(path, tf.keep(tf.clone([outputs].flat()[0])));
      return outputs;
    });
  }
  return {
    read: () => paths.map(path => seen.get(path)!),
    release() {
      tf.dispose([...seen.values()]);
      seen.clear();
    },
  };
}

function distance(
  [known, own]: readonly [Answer, Answer],
  [wanted, given]: readonly [tf.Tensor, tf.Tensor],
  temperature: number,
): tf.Tensor {
  if (own.kind === 'values') return squaredError(wanted, given);
  const [p, q] = [known.logits(wanted), own.logits(given)].map(logits => tf.div(logits, temperature));
  const apart = own.kind === 'classes' ? divergence(tf.logSoftmax(p), tf.logSoftmax(q)) : ofSigmoids(p, q);
  return tf.mul(tf.mean(apart), temperature ** 2);
}

/** Kullback-Leibler divergence of sigmoid(q) from sigmoid(p), one by one. */
function ofSigmoids(p: tf.Tensor, q: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(tf.sigmoid(p), tf.sub(p, q)), tf.sub(tf.softplus(q), tf.softplus(p)));
}

function squaredError(wanted: tf.Tensor, given: tf.Tensor): tf.Tensor {
  return tf.mean(tf.square(tf.sub(given, wanted)));
}

function mismatch(where: string, expected: string, got: string): PruneError {
  const cure = 'Compare layers that no cut makes narrower, and outputs of one kind.';
  return new PruneError('bad-option', { place: `teacher, ${where}`, expected, got, cure });
}

function unknownLayer(whose: string, path: string, known: readonly string[]): never {
  throw new PruneError('bad-option', {
    place: 'teacher, features',
    expected: `layers of the ${whose}, such as ${known.slice(0, 3).join(', ')}`,
    got: `"${path}"`,
    cure: 'Use the path that inspect prints.',
  });
}
