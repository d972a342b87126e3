/** A layer of one's own and its rule: how a channel split and a channel shuffle are pruned although tf.js has neither. */
import * as tf from '@tensorflow/tfjs-core';
import { layers, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { defineRule } from '../../lib/rules';
import { fromStart } from '../../lib/rules/rule';

type Shape = (number | null)[];

interface SelectConfig {
  readonly name?: string;
  /** Which channels come out, in their order; any channel may come several times or never. */
  readonly positions: readonly number[];
}

export class SelectChannels extends layers.Layer {
  static readonly className = 'SelectChannels';
  private readonly positions: readonly number[];

  constructor(config: SelectConfig) {
    super(config);
    this.positions = config.positions;
  }

  override computeOutputShape(shape: Shape | Shape[]): Shape {
    return [...(shape as Shape).slice(0, -1), this.positions.length];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      return tf.gather(x, tf.tensor1d([...this.positions], 'int32'), x.rank - 1);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), positions: [...this.positions] };
  }
}

tf.serialization.registerClass(SelectChannels);

defineRule({
  className: SelectChannels.className,
  understands: ['positions'],
  trace(call) {
    const [{ shape, axis, width }] = call.inputs;
    const positions = call.config.positions as number[];
    const last = fromStart(-1, shape.length);
    if (axis !== last) call.freeze(width, `"${call.path}" selects along another axis`);
    const selected = axis === last ? Int32Array.from(positions, position => width[position]) : width;
    return { outputs: [{ shape: [...shape.slice(0, -1), positions.length], axis, width: selected }] };
  },
  resize({ config, inputs: [{ kept }], outputs: [selected] }) {
    const moved = new Map(kept.map((position, index) => [position, index]));
    const positions = config.positions as number[];
    return { positions: selected.kept.map(at => moved.get(positions[at])!) };
  },
});

export function select(x: SymbolicTensor, positions: readonly number[], name: string): SymbolicTensor {
  return new SelectChannels({ name, positions }).apply(x) as SymbolicTensor;
}
