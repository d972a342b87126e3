/** Looks at the scales that a training makes small. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { binned, widest, type GammaHistory } from '../core/gammas';
import { Slimmable } from '../layers/slimmable';
import { layersOf } from './leaves';

export interface GammaWatch {
  /** Counts the gammas as they are now. */
  look(): Promise<void>;
  history(): GammaHistory;
}

/**
 * The gammas of every {@link Slimmable} in `model`; the first look decides how far the bins reach. Undefined where there is none.
 * @param past What was seen of this training before.
 */
export function watchGammas(model: LayersModel, l1: number, past?: GammaHistory): GammaWatch | undefined {
  const norms = layersOf(model).flatMap(({ layer }) => (layer instanceof Slimmable ? [layer.norm] : []));
  if (norms.length === 0) return undefined;
  const counts = [...(past?.counts ?? [])];
  let most = past?.most;
  return {
    async look() {
      const gammas = await Promise.all(norms.map(({ gamma }) => gamma!.read().data() as Promise<Float32Array>));
      most ??= widest(gammas);
      counts.push(binned(gammas, most));
    },
    history: () => ({ l1, most: most ?? 1, counts }),
  };
}
