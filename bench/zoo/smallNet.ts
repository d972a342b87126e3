/** A net of few operations, for many steps. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { image, modelOf, parts } from './parts';
import { seeded } from './weights';

/** Three convolutions with BatchNormalization for images of two classes. */
export function smallNet(side: number): LayersModel {
  const p = parts();
  const input = image(side);
  const x = p.unit(p.unit(p.unit(input, 8), 16, { stride: 2 }), 16, { stride: 2 });
  return seeded(modelOf('small', input, p.dense(p.gap(x), 2, 'softmax', 'head')));
}
