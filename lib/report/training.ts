/** How training goes, epoch by epoch. */
import type { Epoch, Progress } from '../core/context';
import { lineDrawing, type Series } from './drawing/lines';
import { standalone } from './drawing/drawing';
import { percent } from './numbers';

/** Epochs of one training, without a break. */
interface Training {
  readonly stage: string;
  readonly epochs: Epoch[];
}

/**
 * Losses by epoch as a drawing (SVG). `events` are what `progress` was given so far, so that a drawing made anew with each of them shows
 * how training goes; those that tell of no epoch are left out. Trainings follow one another, with a gap between them. Equal factors are
 * equally far apart where no loss is 0 or less.
 */
export function plotTraining(events: readonly Progress[]): string {
  const trainings = trainingsIn(events);
  const epochs = trainings.flatMap(training => training.epochs);
  const last = epochs[epochs.length - 1];
  const accuracy = last?.validation?.accuracy;
  const series = [
    seriesOf('loss', trainings, ({ loss }) => loss),
    seriesOf('validation loss', trainings, ({ validation }) => validation?.loss),
  ].filter(({ points }) => points.some(([, y]) => Number.isFinite(y)));
  const drawing = lineDrawing(series, {
    title: `Training${accuracy === undefined ? '' : `: validation accuracy ${percent(accuracy)}`}`,
    description: last ? `Loss ${last.loss.toFixed(4)} after ${epochs.length} epochs.` : 'No epoch is over yet.',
    x: `epoch${namesOf(trainings)}`,
    y: 'mean loss of an example',
    whole: true,
    logarithmic: series.every(({ points }) => points.every(([, y]) => !(y <= 0))) && series.length > 0,
  });
  return standalone(drawing);
}

function trainingsIn(events: readonly Progress[]): readonly Training[] {
  const trainings: Training[] = [];
  for (const { stage, done, epoch } of events) {
    if (!epoch) continue;
    if (done === 1 || trainings.length === 0) trainings.push({ stage, epochs: [] });
    trainings[trainings.length - 1].epochs.push(epoch);
  }
  return trainings;
}

function seriesOf(name: string, trainings: readonly Training[], value: (epoch: Epoch) => number | undefined): Series {
  let count = 0;
  const points = trainings.flatMap(({ epochs }) => [
    [count, NaN] as const,
    ...epochs.map(epoch => [++count, value(epoch) ?? NaN] as const),
  ]);
  return { name, points };
}

/** Which epochs are those of what. */
function namesOf(trainings: readonly Training[]): string {
  if (trainings.length < 2) return trainings.map(({ stage }) => `, ${stage}`).join('');
  let count = 0;
  const spans = trainings.map(({ stage, epochs }) => `${stage} ${count + 1} to ${(count += epochs.length)}`);
  return ` (${spans.join(', ')})`;
}
