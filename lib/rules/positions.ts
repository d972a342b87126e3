/** Learned positions, a token put in front, and the choice of the first: all along time, `[batch, time, width]`. */
import { always, unitsAlong, type LayerRule, type Shape } from './rule';

export const POSITION_EMBEDDING = 'PrunePositionEmbedding';
export const CLASS_TOKEN = 'PruneClassToken';
export const FIRST_TOKEN = 'PruneFirstToken';

export const positionEmbedding: LayerRule = {
  className: POSITION_EMBEDDING,
  understands: ['maxLength'],
  weights: 1,
  turns: always,
  trace(call) {
    const { shape } = call.inputs[0];
    const width = unitsAlong(call, 2);
    const site = { weight: 0, axis: 1, width, role: 'makes', parameter: 'positions' } as const;
    return { outputs: [{ shape, axis: 2, width }], sites: [site] };
  },
};

export const classToken: LayerRule = {
  className: CLASS_TOKEN,
  understands: [],
  weights: 1,
  turns: always,
  trace(call) {
    const [batch, time, size] = call.inputs[0].shape;
    const width = unitsAlong(call, 2);
    const shape: Shape = [batch, time === null ? null : time + 1, size];
    const site = { weight: 0, axis: 2, width, role: 'makes', parameter: 'token' } as const;
    return { outputs: [{ shape, axis: 2, width }], sites: [site] };
  },
};

export const firstToken: LayerRule = {
  className: FIRST_TOKEN,
  understands: [],
  turns: always,
  trace(call) {
    const [batch, , size] = call.inputs[0].shape;
    return { outputs: [{ shape: [batch, size], axis: 1, width: unitsAlong(call, 2) }] };
  },
};
