/** What a user's compiler must see: types that are there, and misuse that does not compile. */
import { sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import { compress, loadLayersModel, magnitude, prune, saveLayersModel, uniform, type Report } from 'tfjs-prune';

type IsAny<T> = 0 extends 1 & T ? true : false;
const isAny: IsAny<Report>[] = [];
// Were a type not found, it would be `any`, and this would compile.
// @ts-expect-error Report has a shape
isAny.push(true);

export async function shrink(model: LayersModel): Promise<number> {
  const result = await compress(model, prune({ criterion: magnitude(), budget: uniform({ ratio: 0.5 }) }));
  const units: number = result.report.after.units;
  // @ts-expect-error a ratio is a number
  uniform({ ratio: '50 %' });
  // @ts-expect-error a model is not a number
  await saveLayersModel(1, 'folder');
  // @ts-expect-error reports are read-only
  result.report.seed = 1;
  const loaded: LayersModel = await loadLayersModel('folder');
  return units + loaded.countParams();
}

export const empty: LayersModel = sequential();
