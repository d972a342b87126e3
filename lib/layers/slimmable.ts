/**
 * layers: tf.js layer classes that we add. Knows tf.js and core; must not know graphs, criteria or methods.
 * This file: the wrapper of Network Slimming, an L1 penalty on the scale of a BatchNormalization.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { SLIMMABLE } from '../edit/slim';
import { allowedLayers, type Shape, type WrappedLayer } from './wrapped';

type Layer = layers.layers.Layer;
type Activate = { apply(tensor: tf.Tensor): tf.Tensor; getClassName(): string };

export interface SlimmableOptions {
  /** Strength of the penalty: `l1` times the sum of |gamma| is added to the loss. */
  readonly l1?: number;
  /** Value that every gamma starts from, such as 0.5; default: as the BatchNormalization says. */
  readonly gammaInitializer?: number;
}

/**
 * Puts an L1 penalty on the gamma of `layer`: a BatchNormalization (which keeps its name and, if built, its weights), or a
 * convolution or dense layer, which gets a BatchNormalization of its own in front of its activation. The penalty enters the
 * loss of `model.fit` and of `train`, once per step even where the layer is shared; its gradient at 0 is 0, so that a gamma
 * that is 0 stays 0. Convert with `strip` before saving for plain tf.js.
 * Paper: 1708.06519, equation 1. Differs: the subgradient at 0.
 * @throws PruneError `bad-option` for a layer without channels to scale, or a BatchNormalization with `scale: false`.
 */
export function slimmable(layer: Layer, { l1 = 1e-4, gammaInitializer }: SlimmableOptions = {}): Slimmable {
  checkNumber('slimmable', 'l1', l1, { least: 0 });
  if (gammaInitializer !== undefined) checkNumber('slimmable', 'gammaInitializer', gammaInitializer);
  checkLayer(layer, gammaInitializer);
  const gamma = gammaInitializer !== undefined && {
    gammaInitializer: { className: 'Constant', config: { value: gammaInitializer } },
  };
  const args = { name: layer.name, l1, ...firstLayer(layer) };
  if (isNorm(layer)) {
    const inner = gamma
      ? layerOf({ className: 'BatchNormalization', config: { ...layer.getConfig(), ...gamma } })
      : layer;
    return new Slimmable({ ...args, layer: inner });
  }
  const axis = (layer as WrappedLayer).getConfig().dataFormat === 'channelsFirst' ? 1 : -1;
  const norm = layerOf({ className: 'BatchNormalization', config: { name: `${layer.name}_bn`, axis, ...gamma } });
  return new Slimmable({ ...args, layer: layer, norm });
}

interface Spec {
  readonly className: string;
  readonly config: tf.serialization.ConfigDict;
}

interface SlimmableArgs {
  readonly name?: string;
  readonly trainable?: boolean;
  readonly batchInputShape?: Shape;
  readonly dtype?: tf.DataType;
  readonly l1: number;
  readonly layer: WrappedLayer;
  readonly norm?: WrappedLayer;
}

/** Made by {@link slimmable}, `slimModel` and deserialization. */
export class Slimmable extends layers.layers.Layer {
  /** @nocollapse */
  static className = SLIMMABLE;
  /** Strength of the penalty; may be changed between steps. */
  l1: number;
  readonly layer: WrappedLayer;
  /** The BatchNormalization: `layer` itself, or the one behind it. */
  readonly norm: WrappedLayer;
  private counted = false;

  constructor({ layer, norm, l1, ...args }: SlimmableArgs) {
    super(args);
    this.layer = layer;
    this.norm = norm ?? layer;
    this.l1 = l1;
    this.supportsMasking = layer.supportsMasking;
    if (args.trainable === false) this.trainable = false;
  }

  override build(inputShape: Shape | Shape[]): void {
    if (!this.layer.built) this.layer.build(inputShape);
    if (!this.norm.built) this.norm.build(this.layer.computeOutputShape(inputShape));
    this.inputSpec = this.layer.inputSpec;
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>): tf.Tensor | tf.Tensor[] {
    return tf.tidy(() => {
      this.counted = false;
      this.invokeCallHook(inputs, kwargs);
      if (this.norm === this.layer) return this.layer.call(inputs, kwargs);
      const { activation } = this.layer;
      const normed = this.norm.call(withoutActivation(this.layer, inputs, kwargs), kwargs) as tf.Tensor;
      return activation == null ? normed : activation.apply(normed);
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return this.layer.computeOutputShape(inputShape);
  }

  /** Of the inner layers, and the penalty. */
  override get losses(): (() => tf.Scalar)[] {
    return [...this.parts().flatMap(({ losses }) => losses), () => this.penalty()];
  }

  /** tf.js asks once per call of the layer in a step; all but the first get nothing. */
  override calculateLosses(): tf.Scalar[] {
    if (this.counted) return [];
    this.counted = true;
    return this.losses.map(loss => loss());
  }

  /** `l1` times the sum of |gamma|, with the gradient `l1` times sign(gamma), which is 0 at 0. */
  private penalty(): tf.Scalar {
    const { l1 } = this;
    const absolute = tf.customGrad(((gamma: tf.Tensor, save: tf.GradSaveFunc) => {
      save([gamma]);
      const gradFunc = (dy: tf.Tensor, [saved]: tf.Tensor[]): tf.Tensor => tf.mul(tf.sign(saved), tf.mul(dy, l1));
      return { value: tf.mul(tf.sum(tf.abs(gamma)), l1), gradFunc };
    }) as never);
    return absolute(this.norm.gamma!.read()) as tf.Scalar;
  }

  private parts(): readonly WrappedLayer[] {
    if (this.layer === undefined) return []; // tf.js's constructor asks before ours has run
    return this.norm === this.layer ? [this.layer] : [this.layer, this.norm];
  }

  override get trainable(): boolean {
    return this.trainable_;
  }

  override set trainable(trainable: boolean) {
    this.trainable_ = trainable;
    for (const part of this.parts()) part.trainable = trainable;
  }

  override get trainableWeights(): layers.LayerVariable[] {
    return this.trainable_ ? this.parts().flatMap(part => part.trainableWeights) : [];
  }

  override get nonTrainableWeights(): layers.LayerVariable[] {
    return this.trainable_ ? this.parts().flatMap(part => part.nonTrainableWeights) : [...this.weights];
  }

  /** Those of the layer, then gamma, beta, moving mean and variance, whatever is frozen. */
  override get weights(): layers.LayerVariable[] {
    return this.parts().flatMap(({ weights }) => weights);
  }

  override setFastWeightInitDuringBuild(value: boolean): void {
    super.setFastWeightInitDuringBuild(value);
    for (const part of this.parts()) part.setFastWeightInitDuringBuild(value);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const norm = this.norm === this.layer ? {} : { norm: specOf(this.norm) };
    return { ...super.getConfig(), l1: this.l1, layer: specOf(this.layer), ...norm } as never;
  }

  /** @nocollapse */
  static override fromConfig<T extends tf.serialization.Serializable>(
    type: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    const { layer, norm, ...args } = config as unknown as { layer: Spec; norm?: Spec };
    return new type({ ...args, layer: layerOf(layer), ...(norm && { norm: layerOf(norm) }) });
  }
}

tf.serialization.registerClass(Slimmable);

function specOf(layer: WrappedLayer): Spec {
  return { className: layer.getClassName(), config: layer.getConfig() };
}

function layerOf({ className, config }: Spec): WrappedLayer {
  const [type, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap[className];
  return fromConfig(type, { ...config }) as unknown as WrappedLayer;
}

/** The inner layer keeps its activation, so that its config stays true; it is only set aside for the call. */
function withoutActivation(layer: WrappedLayer, inputs: tf.Tensor | tf.Tensor[], kwargs: Record<string, unknown>) {
  const { activation } = layer;
  layer.activation = linear();
  try {
    return layer.call(inputs, kwargs);
  } finally {
    layer.activation = activation;
  }
}

function linear(): Activate {
  return (layers.layers.activation({ activation: 'linear' }) as unknown as { activation: Activate }).activation;
}

function firstLayer({ batchInputShape, dtype }: WrappedLayer): { batchInputShape?: Shape; dtype?: tf.DataType } {
  return batchInputShape === undefined ? {} : { batchInputShape, dtype };
}

function isNorm(layer: Layer): boolean {
  return layer.getClassName() === 'BatchNormalization';
}

function checkLayer(layer: Layer, gammaInitializer: number | undefined): void {
  const { getClassName } = Object(layer) as Partial<Layer>;
  const className = getClassName === undefined ? typeof layer : layer.getClassName();
  if (!allowedLayers.includes(className)) {
    throw bad(`a layer of class ${allowedLayers.join(', ')}`, className, 'Wrap the layer that makes the channels.');
  }
  if (isNorm(layer) && layer.getConfig().scale === false) {
    throw bad('a BatchNormalization with a gamma', 'scale: false', 'Build it with scale: true.', layer.name);
  }
  if (isNorm(layer) && layer.built && gammaInitializer !== undefined) {
    const cure = 'Leave gammaInitializer out, or wrap the layer before it is used.';
    throw bad('no gammaInitializer for a layer with weights', String(gammaInitializer), cure, layer.name);
  }
}

function bad(expected: string, got: string, cure: string, name?: string): PruneError {
  const place = name === undefined ? 'slimmable' : `slimmable, layer "${name}"`;
  return new PruneError('bad-option', { place, expected, got, cure });
}
