/** Drawings of your own data: training as it goes, scores of units, and lines. */
import type { Epoch, Progress } from '../../lib/core/context';
import { plotLines } from '../../lib/report/drawing/lines';
import { plotImportance } from '../../lib/report/importance';
import { plotTraining } from '../../lib/report/training';

const tips = (svg: string): string[] =>
  [...svg.matchAll(/<title>([^<]*)<\/title>/g)].map(([, words]) => words).slice(1);
const drawn = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, words]) => words);
const pieces = (svg: string): number => (svg.match(/<polyline/g) ?? []).length;

function epochs(stage: string, losses: readonly Epoch[]): readonly Progress[] {
  return losses.map((epoch, i) => ({ stage, done: i + 1, total: losses.length, epoch }));
}

describe('training', () => {
  const scored = (loss: number, validation: number, accuracy: number): Epoch => ({
    loss,
    validation: { loss: validation, accuracy },
  });
  const slim = epochs('slim', [scored(2, 3, 0.2), scored(1, 1.5, 0.5)]);
  const tune = epochs('fine-tune', [scored(0.5, 0.75, 0.8), scored(0.25, 0.5, 0.9), scored(0.125, 0.25, 0.95)]);

  test('losses of both splits, epoch by epoch; of other events nothing', () => {
    const other: Progress = { stage: 'score gamma', done: 3, total: 3 };
    const svg = plotTraining([...slim, other]);
    expect(tips(svg)).toEqual(['loss, 1: 2', 'loss, 2: 1', 'validation loss, 1: 3', 'validation loss, 2: 1.5']);
    expect(drawn(svg)).toEqual(
      expect.arrayContaining(['Training: validation accuracy 50.00 %', 'epoch, slim', '1', '2']),
    );
    expect(plotTraining(slim)).toBe(svg);
  });

  test('one training after the other, with a gap between them, and again where one begins anew', () => {
    const svg = plotTraining([...slim, ...tune, ...slim]);
    expect(pieces(svg)).toBe(2 * 3);
    expect(tips(svg)).toEqual(expect.arrayContaining(['loss, 3: 0.5', 'validation loss, 7: 1.5']));
    expect(drawn(svg)).toContain('epoch (slim 1 to 2, fine-tune 3 to 5, slim 6 to 7)');
  });

  test('without a validation split, and before the first epoch', () => {
    const alone = plotTraining(epochs('fit', [{ loss: 2 }, { loss: 1 }]));
    expect(drawn(alone)).toContain('Training');
    expect(drawn(alone)).not.toContain('validation loss');
    const empty = plotTraining([]);
    expect(empty).not.toMatch(/NaN|Infinity|undefined/);
    expect(empty).toContain('<desc>No epoch is over yet.</desc>');
  });

  test('equal factors are equally far apart, unless a loss is 0 or less', () => {
    const heights = (losses: readonly number[]): number[] =>
      [...plotTraining(epochs('fit', losses.map(loss => ({ loss })))).matchAll(/cy="([\d.]+)"/g)].map(([, y]) => Number(y)); // prettier-ignore
    const [a, b, c] = heights([4, 2, 1]);
    expect(b - a).toBeCloseTo(c - b, 0);
    const [d, e, f] = heights([2, 0, -2]);
    expect(e - d).toBeCloseTo(f - e, 0);
  });
});

describe('importance', () => {
  const scored = [
    { group: { name: 'conv1' }, scores: Float64Array.of(4, 1, 2) },
    { group: { name: 'conv2' }, scores: Float64Array.of(0, 3) },
  ];
  const bars = (svg: string) =>
    [...svg.matchAll(/height="([\d.]+)" class="(stays|goes)"><title>([^<]*)/g)].map(([, height, of, told]) => ({
      height: Number(height),
      of,
      told,
    }));

  test('a bar for each unit, on one scale', () => {
    const found = bars(plotImportance(scored));
    expect(found.map(({ told }) => told)).toEqual([
      ...['conv1, unit 0: 4', 'conv1, unit 1: 1', 'conv1, unit 2: 2'],
      ...['conv2, unit 0: 0', 'conv2, unit 1: 3'],
    ]);
    const [most, least, half, none, other] = found.map(({ height }) => height);
    expect([least / most, half / most, other / most]).toEqual([0.25, 0.5, 0.75]);
    expect(none).toBe(1); // so that it can be seen
    expect(found.every(({ of }) => of === 'stays')).toBe(true);
  });

  test('with a plan what goes is pale', () => {
    const groups = [{ name: 'conv1', kind: 'channels', units: 3, removed: [1, 2] }];
    const svg = plotImportance(scored, { groups });
    expect(bars(svg).map(({ of }) => of)).toEqual(['stays', 'goes', 'goes', 'stays', 'stays']);
    expect(svg).toContain('<desc>5 units in 2 groups; the 2 pale ones go.</desc>');
  });

  test('scores below 0 stand on the lowest', () => {
    const found = bars(plotImportance([{ group: { name: 'a' }, scores: Float64Array.of(-2, 0, 2) }]));
    const [low, middle, high] = found.map(({ height }) => height);
    expect([low, middle / high]).toEqual([1, 0.5]);
  });
});

test('lines of your own are a file by themselves', () => {
  const svg = plotLines([{ name: 'a', points: [[1, 2], [2, 4]] }], { title: 't <', description: 'd', x: 'x', y: 'y' }); // prettier-ignore
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(svg).toContain('<title>t &lt;</title><desc>d</desc>');
  expect(tips(svg)).toEqual(['a, 1: 2', 'a, 2: 4']);
});
