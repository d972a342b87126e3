/** InputLayer. */
import { type LayerRule, type Shape } from './rule';

/** Why the units of the model's own inputs and outputs stay. */
export const MODEL_INPUT = 'model input';
export const MODEL_OUTPUT = 'model output';

/** Traced specially: its flow comes from the caller (the model's input or the nested model's argument). */
export const inputLayer: LayerRule = {
  className: 'InputLayer',
  understands: ['sparse'],
  trace(call) {
    const shape = call.config.batchInputShape as Shape;
    const axis = shape.length - 1;
    const width = call.fresh('input', shape[axis] ?? 0, 'features');
    call.freeze(width, MODEL_INPUT);
    return { outputs: [{ shape, axis, width }] };
  },
};
