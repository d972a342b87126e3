/**
 * A pre-norm transformer of two blocks made of own layers (RMSNorm, rotary grouped-query attention, SwiGLU), and the rules
 * that make it prunable: the graph knows nothing of attention.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { defineRule, type LayerRule } from 'tfjs-prune';
import { repeatEach, type LocalSite } from '../../lib/rules/rule';
import { apply, model } from './parts';

const { Layer } = layers.layers;
type Shape = number[];
type Weight = ReturnType<InstanceType<typeof Layer>['addWeight']>;

abstract class OwnLayer extends Layer {
  protected readonly settings: Record<string, number>;

  constructor(config: Record<string, number>) {
    super(config);
    this.settings = config;
  }

  protected weight(name: string, ...shape: Shape): Weight {
    return this.addWeight(name, shape, 'float32', layers.initializers.zeros());
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return inputShape;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.settings, name: this.name };
  }
}

/** x / rms(x) * gamma. The mean is over `width` positions also when fewer are left: removed ones count as zero. */
class RmsNorm extends OwnLayer {
  static className = 'ZooRmsNorm';
  private gamma!: Weight;

  override build(inputShape: Shape): void {
    const width = inputShape[inputShape.length - 1];
    this.settings.width ??= width;
    this.gamma = this.weight('gamma', width);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.tidy(() => {
      const meanSquare = tf.div(tf.sum(tf.square(x), -1, true), this.settings.width);
      return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, 1e-5))), this.gamma.read());
    });
  }
}

/** `heads` query heads share `keyValueHeads` keys and values; positions turn the pairs of a head (half-split layout). */
class GroupedQueryAttention extends OwnLayer {
  static className = 'ZooAttention';
  private kernels!: readonly Weight[];

  override build(inputShape: Shape): void {
    const { heads, keyValueHeads, headSize } = this.settings;
    const width = inputShape[inputShape.length - 1];
    this.settings.outputWidth ??= width;
    this.kernels = [
      this.weight('query', width, heads * headSize),
      this.weight('key', width, keyValueHeads * headSize),
      this.weight('value', width, keyValueHeads * headSize),
      this.weight('out', heads * headSize, this.settings.outputWidth),
    ];
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    const { heads, keyValueHeads, headSize } = this.settings;
    const [batch, time, width] = x.shape;
    const [query, key, value, out] = this.kernels.map(kernel => kernel.read());
    return tf.tidy(() => {
      const rows = tf.reshape(x, [batch * time, width]);
      const split = (kernel: tf.Tensor, count: number): tf.Tensor =>
        tf.transpose(tf.reshape(tf.matMul(rows, kernel as tf.Tensor2D), [batch, time, count, headSize]), [0, 2, 1, 3]);
      const spread = (heard: tf.Tensor): tf.Tensor => {
        const each = tf.tile(tf.expandDims(heard, 2), [1, 1, heads / keyValueHeads, 1, 1]);
        return tf.reshape(each, [batch, heads, time, headSize]);
      };
      const [q, k, v] = [split(query, heads), spread(split(key, keyValueHeads)), spread(split(value, keyValueHeads))];
      const scores = tf.div(tf.matMul(turn(q), turn(k), false, true), Math.sqrt(headSize));
      const future = tf.sub(1, tf.linalg.bandPart(tf.ones([time, time]), -1, 0));
      const mixed = tf.matMul(tf.softmax(tf.sub(scores, tf.mul(future, 1e9))), v);
      const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * time, heads * headSize]);
      return tf.reshape(tf.matMul(joined, out as tf.Tensor2D), [batch, time, this.settings.outputWidth]);
    });
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return [...inputShape.slice(0, -1), this.settings.outputWidth];
  }
}

/** down(silu(gate(x)) * up(x)). */
class SwiGlu extends OwnLayer {
  static className = 'ZooSwiGlu';
  private kernels!: readonly Weight[];

  override build(inputShape: Shape): void {
    const width = inputShape[inputShape.length - 1];
    const { neurons } = this.settings;
    this.settings.outputWidth ??= width;
    this.kernels = [
      this.weight('gate', width, neurons),
      this.weight('up', width, neurons),
      this.weight('down', neurons, this.settings.outputWidth),
    ];
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    const [gate, up, down] = this.kernels.map(kernel => kernel.read());
    return tf.tidy(() => {
      const rows = tf.reshape<tf.Rank.R2>(x, [-1, x.shape[x.shape.length - 1]]);
      const opened = tf.matMul(rows, gate);
      const hidden = tf.mul<tf.Tensor2D>(tf.mul(opened, tf.sigmoid(opened)), tf.matMul(rows, up));
      return tf.reshape(tf.matMul(hidden, down), [...x.shape.slice(0, -1), this.settings.outputWidth]);
    });
  }

  override computeOutputShape(inputShape: Shape): Shape {
    return [...inputShape.slice(0, -1), this.settings.outputWidth];
  }
}

function turn(x: tf.Tensor): tf.Tensor {
  const [, , time, headSize] = x.shape;
  const half = headSize / 2;
  const angles = Array.from({ length: time }, (_, t) => Array.from({ length: half }, (_, i) => t / 100 ** (i / half)));
  const [cos, sin] = [tf.cos(angles), tf.sin(angles)];
  const [first, second] = tf.split(x, 2, 3);
  const turned = [tf.sub(tf.mul(first, cos), tf.mul(second, sin)), tf.add(tf.mul(second, cos), tf.mul(first, sin))];
  return tf.concat(turned, 3);
}

const rmsNorm: LayerRule = {
  className: RmsNorm.className,
  understands: ['width'],
  weights: 1,
  trace(call) {
    const [flow] = call.inputs;
    call.readBare(flow.width);
    return { outputs: [flow], sites: [{ weight: 0, axis: 0, width: flow.width, role: 'scales', parameter: 'gamma' }] };
  },
};

const attention: LayerRule = {
  className: GroupedQueryAttention.className,
  understands: ['heads', 'keyValueHeads', 'headSize', 'outputWidth'],
  weights: 4,
  trace(call) {
    const { shape, axis, width } = call.inputs[0];
    const { heads, keyValueHeads, headSize } = call.config as Record<string, number>;
    const units = call.fresh('heads', keyValueHeads, 'heads');
    const shared = repeatEach(units, headSize);
    const queries = repeatEach(units, (headSize * heads) / keyValueHeads);
    const out = call.fresh('out', call.weights[3][1], 'residual');
    const kernels = [queries, shared, shared].flatMap((made, weight): LocalSite[] => [
      { weight, axis: 0, width, role: 'reads', parameter: 'kernel' },
      { weight, axis: 1, width: made, role: 'makes', parameter: 'kernel' },
    ]);
    const last: LocalSite[] = [
      { weight: 3, axis: 0, width: queries, role: 'reads', parameter: 'kernel' },
      { weight: 3, axis: 1, width: out, role: 'makes', parameter: 'kernel' },
    ];
    return {
      outputs: [{ shape: [...shape.slice(0, -1), out.length], axis, width: out }],
      sites: [...kernels, ...last],
    };
  },
  resize({ config, weights: [, key, , out] }) {
    const { heads, keyValueHeads, headSize } = config as Record<string, number>;
    const left = key[1] / headSize;
    return { heads: (heads / keyValueHeads) * left, keyValueHeads: left, outputWidth: out[1] };
  },
};

const swiGlu: LayerRule = {
  className: SwiGlu.className,
  understands: ['neurons', 'outputWidth'],
  weights: 3,
  trace(call) {
    const { shape, axis, width } = call.inputs[0];
    const neurons = call.fresh('neurons', call.weights[0][1], 'neurons');
    const out = call.fresh('out', call.weights[2][1], 'residual');
    const sites = [0, 1].flatMap((weight): LocalSite[] => [
      { weight, axis: 0, width, role: 'reads', parameter: 'kernel' },
      { weight, axis: 1, width: neurons, role: 'makes', parameter: 'kernel' },
    ]);
    const last: LocalSite[] = [
      { weight: 2, axis: 0, width: neurons, role: 'reads', parameter: 'kernel' },
      { weight: 2, axis: 1, width: out, role: 'makes', parameter: 'kernel' },
    ];
    return { outputs: [{ shape: [...shape.slice(0, -1), out.length], axis, width: out }], sites: [...sites, ...last] };
  },
  resize: ({ weights: [, up, down] }) => ({ neurons: up[1], outputWidth: down[1] }),
};

for (const own of [RmsNorm, GroupedQueryAttention, SwiGlu]) tf.serialization.registerClass(own);
for (const rule of [rmsNorm, attention, swiGlu]) defineRule(rule);

/** Vocabulary 11, width 8, 4 query heads on 2 keys and values of size 4, 10 neurons; 6 steps in, logits out. */
export function transformer(): layers.LayersModel {
  const x = layers.input({ shape: [6], name: 'tokens' });
  let stream = apply(x, layers.layers.embedding({ name: 'embed', inputDim: 11, outputDim: 8 }));
  for (const block of ['block1', 'block2']) {
    const own = (config: object, name: string) => ({ ...config, name: `${block}_${name}` }) as never;
    const heard = apply(stream, new RmsNorm(own({}, 'norm1')), new GroupedQueryAttention(own({ heads: 4, keyValueHeads: 2, headSize: 4 }, 'attention'))); // prettier-ignore
    stream = apply([stream, heard], layers.layers.add({ name: `${block}_add1` }));
    const thought = apply(stream, new RmsNorm(own({}, 'norm2')), new SwiGlu(own({ neurons: 10 }, 'mlp')));
    stream = apply([stream, thought], layers.layers.add({ name: `${block}_add2` }));
  }
  const logits = apply(stream, new RmsNorm({ name: 'norm' } as never), layers.layers.dense({ name: 'head', units: 11, useBias: false })); // prettier-ignore
  return model(x, logits);
}
