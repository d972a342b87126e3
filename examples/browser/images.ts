/** Images in folders, one for each class, as examples of the size that the model takes. */
import { classNames, folderOf, checked, refuse, type Labelled, type Wanted } from './data';
import type { Chosen, Pixels } from './messages';

const RANGES: Readonly<Record<Pixels, (value: number) => number>> = {
  '0 to 1': value => value / 255,
  '-1 to 1': value => value / 127.5 - 1,
  '0 to 255': value => value,
};

export async function readImages(files: readonly Chosen[], wanted: Wanted, pixels: Pixels): Promise<Labelled> {
  const images = files.filter(({ file }) => file.type.startsWith('image/'));
  const [height, width, channels = 0] = wanted.shape;
  if (images.length === 0) {
    const cure = 'Choose a .csv file, or a folder that holds one folder of images for each class.';
    refuse(
      'data',
      'a CSV file or images',
      files
        .map(({ path }) => `"${path}"`)
        .slice(0, 3)
        .join(', ') || 'nothing',
      cure,
    );
  }
  if (wanted.shape.length !== 3 || (channels !== 1 && channels !== 3)) {
    const input = `an input [${wanted.shape.join(', ')}]`;
    refuse('data', 'a model of images [height, width, 1 or 3]', input, 'Give its data as a CSV file.');
  }
  const names = classNames(images.map(({ path }) => path));
  const labels = Int32Array.from(images, ({ path }) => names.indexOf(folderOf(path)));
  const size = height * width * channels;
  const values = new Float32Array(images.length * size);
  for (const [i, image] of images.entries()) {
    values.set(await pixelsOf(image, { height, width, channels }, RANGES[pixels]), i * size);
  }
  return { values, labels: checked('images', labels, wanted), names };
}

interface Size {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Stretched to the size of the model; gray as eyes see it. */
async function pixelsOf({ path, file }: Chosen, { height, width, channels }: Size, scale: (value: number) => number) {
  const bitmap = await createImageBitmap(file).catch(() =>
    refuse(`"${path}"`, 'an image', 'a file that this browser cannot draw', 'Leave it out, or save it as PNG.'),
  );
  const canvas = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  canvas.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = canvas.getImageData(0, 0, width, height);
  return Float32Array.from({ length: height * width * channels }, (_, at) => {
    if (channels === 3) return scale(data[Math.floor(at / 3) * 4 + (at % 3)]);
    const [red, green, blue] = data.subarray(at * 4, at * 4 + 3);
    return scale(0.299 * red + 0.587 * green + 0.114 * blue);
  });
}
