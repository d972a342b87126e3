/** Layers that move elements about without computing: Flatten. */
import { PruneError } from '../core/errors';
import { moved } from './arithmetic';
import { elements, type Flow, type LayerRule, type Width } from './rule';

export const flatten: LayerRule = {
  className: 'Flatten',
  understands: ['dataFormat'],
  trace(call) {
    const [flow] = call.inputs;
    const size = elements(flow.shape);
    if (Number.isNaN(size)) {
      throw new PruneError('bad-model', {
        place: `layer "${call.path}"`,
        expected: 'an input whose sizes are all known',
        got: `[${flow.shape.join(', ')}]`,
        cure: 'Fix the input shape of the model.',
      });
    }
    const width = unitOfEachElement(call.config.dataFormat === 'channelsFirst' ? channelsToLast(flow) : flow);
    return { outputs: [{ shape: [flow.shape[0], size], axis: 1, width }] };
  },
  arithmetic: moved(({ config, inputs: [{ shape, axis, width }] }) => {
    const flow = { shape, axis, width: width.map((_, position) => position) };
    return unitOfEachElement(config.dataFormat === 'channelsFirst' ? channelsToLast(flow) : flow);
  }),
};

/** The unit of every element of one example, in memory order. */
export function unitOfEachElement({ shape, axis, width }: Flow): Width {
  const sizes = shape.slice(1) as number[];
  const inner = sizes.slice(axis).reduce((product, size) => product * size, 1);
  const units = new Int32Array(sizes.reduce((product, size) => product * size, 1));
  for (let i = 0; i < units.length; i++) units[i] = width[Math.floor(i / inner) % width.length];
  return units;
}

/** tf.js moves axis 1 to the end before it flattens channelsFirst data. */
function channelsToLast({ shape, axis, width }: Flow): Flow {
  const rank = shape.length;
  if (rank < 3) return { shape, axis, width };
  const order = [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
  return { shape: order.map(a => shape[a]), axis: order.indexOf(axis), width };
}
