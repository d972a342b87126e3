/** How everything begins that looks at a model and leaves it as it is. */
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { RunSettings } from './compress';
import type { Checkpoint } from './core/checkpoint';
import type { Context, Need } from './core/context';
import { unwrap } from './edit/slim';
import { capture } from './runtime/capture';
import { createContext } from './runtime/context';
import { readData, type Data } from './runtime/data';

/** The model as data, and a context that keeps nothing: no stages, no steps. */
export async function lookAt(
  model: LayersModel,
  { data, seed, signal, log, progress }: RunSettings & { readonly data?: Data },
): Promise<{ readonly original: Checkpoint; readonly context: Context<Need> }> {
  const original = unwrap(await capture(model));
  const splits = data && (await readData(data, original));
  const { context } = await createContext({ original, seed, signal, log, progress }, splits, () => Promise.resolve());
  return { original, context };
}
