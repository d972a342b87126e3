/** Drawings as pixels, by a package of the user's own. */
import { checkNumber } from '../core/check';
import { PruneError } from '../core/errors';
import { importPackage } from './optional';

const PACKAGE = '@resvg/resvg-js';

interface Resvg {
  readonly Resvg: new (
    svg: string,
    options: { readonly fitTo: { readonly mode: 'zoom'; readonly value: number } },
  ) => { render(): { asPng(): Uint8Array } };
}

export interface PngOptions {
  /** Pixels for each of the drawing's own. Default: 2. */
  readonly scale?: number;
}

/**
 * The bytes of a PNG file of `svg`, such as `plotReport` and `plotSensitivity` make, in daylight. Needs the package `@resvg/resvg-js`, which
 * takes the fonts of the machine.
 * @throws PruneError `bad-option` for a scale, or text that is no SVG; `bad-file` where the package is not there.
 */
export async function toPng(svg: string, { scale = 2 }: PngOptions = {}): Promise<Uint8Array> {
  checkNumber('toPng', 'scale', scale, { above: 0, most: 20 });
  const module = (await importPackage('toPng', PACKAGE, 'draws it')) as Resvg;
  try {
    return new module.Resvg(svg, { fitTo: { mode: 'zoom', value: scale } }).render().asPng();
  } catch (cause) {
    const [got] = String((cause as Error).message).split('\n');
    const cure = 'Pass the text of an SVG file.';
    throw new PruneError('bad-option', { place: 'toPng', expected: 'a drawing', got: `"${got}"`, cure }, { cause });
  }
}
