/** What tf.js forgets when it writes a topology. */
import type { WeightSpec } from './manifest';

/**
 * A copy with the `depth_multiplier` of every SeparableConv2D, read from its weights: tf.js leaves it out, and then cannot
 * load its own file unless it is 1. A stack of cells, which tf.js numbers anew each time, gets a name that stays.
 */
export function completeTopology(topology: object, specs: readonly WeightSpec[]): object {
  const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
  return JSON.parse(JSON.stringify(topology), (_, value: unknown) => {
    const { class_name: className, config } = Object(value) as { class_name?: unknown; config?: { name?: unknown } };
    if (className === 'StackedRNNCells') return { ...(value as object), config: { ...config, name: 'cells' } };
    const multiplier = className === 'SeparableConv2D' && shapes.get(`${String(config?.name)}/depthwise_kernel`)?.[3];
    return multiplier ? { ...(value as object), config: { ...config, depth_multiplier: multiplier } } : value;
  }) as object;
}
