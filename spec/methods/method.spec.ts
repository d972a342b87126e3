import { ndarray } from '../../lib/core/array';
import type { Checkpoint } from '../../lib/core/checkpoint';
import type { FitOptions } from '../../lib/core/context';
import { chain, distill, fineTune, networkSlimming, recalibrate, repeat, slim, type Method } from '../../lib/methods';
import { notedContext } from '../zoo/context';
import { refusal, rejection } from '../zoo/refusal';
import { checkpoint, functional, input, layer } from '../zoo/topology';

const topology = functional(
  [
    input('x', [4]),
    layer('Dense', 'a', { units: 10 }, ['x']),
    layer('BatchNormalization', 'bn', { axis: -1 }, ['a']),
    layer('Dense', 'head', { units: 2 }, ['bn']),
  ],
  ['head'],
);
const model = checkpoint(topology, { a: [[4, 10], [10]], bn: [[10], [10], [10], [10]], head: [[10, 2], [2]] });
const width = ({ weights }: Checkpoint): number => weights.get('a')![1].data.length;

/** Notes its run and hands on a new object. */
function step(name: string, notes: string[] = []): Method {
  return {
    name,
    needs: [],
    async run(given, context) {
      notes.push(name);
      const result = { ...given };
      await context.stage(name, result);
      return result;
    },
  };
}

/** A context whose abilities note what they are asked and change nothing but the object. */
function trained(signal?: AbortSignal, original = model) {
  const asked: [string, object | undefined][] = [];
  const ability = (name: string) => (given: Checkpoint, options?: object) => {
    asked.push([name, options]);
    return Promise.resolve({ ...given });
  };
  const abilities = { training: { fit: ability('fit') }, data: { recalibrate: ability('recalibrate') } };
  return { ...notedContext({ original, signal, abilities }), asked };
}

describe('chain', () => {
  test('runs in order, each on the result of the one before', async () => {
    const notes: string[] = [];
    const { context, noted } = notedContext();
    const result = await chain(step('one', notes), step('two', notes), step('three', notes)).run(model, context);
    expect(notes).toEqual(['one', 'two', 'three']);
    expect(noted.stages.at(-1)!.model).toBe(result);
  });

  test('joins names and needs', () => {
    const method = chain(recalibrate(), fineTune({ epochs: 1 }), recalibrate());
    expect(method.name).toBe('recalibrate -> fineTune -> recalibrate');
    expect(method.needs).toEqual(['data', 'training']);
    expect(chain(step('one')).name).toBe('one');
  });

  test('of nothing changes nothing', async () => {
    expect(await chain().run(model, notedContext().context)).toBe(model);
  });

  test('stops between two steps when aborted, and names the step that did not run', async () => {
    const controller = new AbortController();
    const notes: string[] = [];
    const stopping: Method = {
      ...step('stop', notes),
      run: given => Promise.resolve(given).finally(() => controller.abort('user')),
    };
    const { context } = notedContext({ signal: controller.signal });
    const error = await rejection(chain(step('one', notes), stopping, step('never', notes)).run(model, context));
    expect(error.code).toBe('aborted');
    expect(error.message).toContain('never');
    expect(error.cause).toBe('user');
    expect(notes).toEqual(['one']);
  });

  test('does not start when aborted before', async () => {
    const notes: string[] = [];
    const { context } = notedContext({ signal: AbortSignal.abort() });
    expect((await rejection(chain(step('one', notes)).run(model, context))).code).toBe('aborted');
    expect(notes).toEqual([]);
  });
});

describe('repeat', () => {
  test('gives each round its number and numbers the stages', async () => {
    const { context, noted } = notedContext();
    const indices: number[] = [];
    const method = repeat(3, index => {
      indices.push(index);
      return step(`cut`);
    });
    await method.run(model, context);
    expect(indices).toEqual([0, 1, 2]);
    expect(noted.stages.map(({ name }) => name)).toEqual(['cut 1/3', 'cut 2/3', 'cut 3/3']);
    expect(method.name).toBe('3 x (cut)');
  });

  test('once is the step itself', async () => {
    const { context, noted } = notedContext();
    const method = repeat(1, () => step('cut'));
    await method.run(model, context);
    expect(method.name).toBe('cut');
    expect(noted.stages.map(({ name }) => name)).toEqual(['cut']);
  });

  test('inside another repeat both numbers show', async () => {
    const { context, noted } = notedContext();
    await repeat(2, () => repeat(2, () => step('cut'))).run(model, context);
    expect(noted.stages.map(({ name }) => name)).toEqual(['cut 1/2 1/2', 'cut 2/2 1/2', 'cut 1/2 2/2', 'cut 2/2 2/2']);
  });

  test('everything else of the context arrives as it was', async () => {
    const { context, asked } = trained();
    await repeat(2, () => fineTune({ epochs: 2 })).run(model, context);
    expect(asked.map(([name]) => name)).toEqual(['fit', 'fit']);
  });

  test.each([0, -1, 1.5, NaN])('%p times is refused', times => {
    expect(refusal(() => repeat(times, () => step('cut'))).code).toBe('bad-option');
  });
});

describe('training steps', () => {
  test('fineTune passes its options on and reports a stage', async () => {
    const { context, asked, noted } = trained();
    await fineTune({ epochs: 3, learningRate: 0.1, fraction: 0.5, patience: 2, restoreBest: true }).run(model, context);
    expect(asked).toEqual([
      ['fit', { epochs: 3, learningRate: 0.1, fraction: 0.5, patience: 2, restoreBest: true, label: 'fine-tune' }],
    ]);
    expect(noted.stages.map(({ name }) => name)).toEqual(['fine-tuned']);
  });

  test('slim trains with the penalty and does not go back to an earlier epoch', async () => {
    const { context, asked, noted } = trained();
    const anneal = (): number => 1;
    await slim({ epochs: 2, l1: 1e-4, anneal }).run(model, context);
    expect(asked).toEqual([['fit', { epochs: 2, l1: 1e-4, anneal, restoreBest: false, label: 'slim' }]]);
    expect(noted.stages.map(({ name }) => name)).toEqual(['slimmed']);
  });

  test('the teacher is the model that the run began with, unless another is given', async () => {
    const original = { ...model };
    const teach = async (method: Method<'training'>) => {
      const { context, asked, noted } = trained(undefined, original);
      await method.run(model, context);
      return { options: asked[0][1] as FitOptions, stages: noted.stages.map(({ name }) => name) };
    };
    const how = { weight: 0.9, temperature: 2, features: [{ student: 'a', weight: 1 }] };
    const plain = await teach(distill({ epochs: 2, ...how }));
    expect(plain.options).toEqual({ epochs: 2, label: 'distill', teacher: { model, ...how } });
    expect(plain.options.teacher!.model).toBe(original);
    expect(plain.stages).toEqual(['distilled']);
    const tuned = await teach(fineTune({ epochs: 2, distill: { weight: 0.9 } }));
    expect(tuned.options.teacher!.model).toBe(original);
    expect([tuned.options.teacher!.weight, tuned.options.label, tuned.stages]).toEqual([
      0.9,
      'fine-tune',
      ['fine-tuned'],
    ]);
    expect((await teach(distill({ epochs: 2, teacher: model }))).options.teacher!.model).toBe(model);
  });

  test.each([
    ['weight', { weight: 1.1 }],
    ['temperature', { temperature: 0 }],
  ])('a bad %s of the teacher is refused where it is written', (name, how) => {
    for (const make of [() => distill({ epochs: 1, ...how }), () => fineTune({ epochs: 1, distill: how })]) {
      const error = refusal(make);
      expect([error.code, error.message]).toEqual(['bad-option', expect.stringContaining(name)]);
    }
  });

  test('recalibrate asks for statistics', async () => {
    const { context, asked, noted } = trained();
    await recalibrate({ batches: 3 }).run(model, context);
    expect(asked).toEqual([['recalibrate', { batches: 3 }]]);
    expect(noted.stages.map(({ name }) => name)).toEqual(['recalibrated']);
  });

  test.each<[string, Partial<FitOptions>]>([
    ['epochs', { epochs: 0 }],
    ['epochs', { epochs: 1.5 }],
    ['epochs', { epochs: undefined }],
    ['batchSize', { epochs: 1, batchSize: 0 }],
    ['learningRate', { epochs: 1, learningRate: 0 }],
    ['learningRate', { epochs: 1, learningRate: NaN }],
    ['fraction', { epochs: 1, fraction: 0 }],
    ['fraction', { epochs: 1, fraction: 1.1 }],
  ])('a bad %s is refused where it is written: %j', (name, options) => {
    for (const make of [fineTune, slim] as ((options: never) => unknown)[]) {
      const error = refusal(() => make({ l1: 1e-4, ...options } as never));
      expect(error.code).toBe('bad-option');
      expect(error.message).toContain(name);
    }
  });

  test.each([-1, NaN, undefined])('an l1 of %p is refused', l1 => {
    expect(refusal(() => slim({ epochs: 1, l1: l1 as number })).code).toBe('bad-option');
  });
});

describe('networkSlimming', () => {
  const options = { ratio: 0.5, slim: { epochs: 2, l1: 1e-3 }, fineTune: { epochs: 3 } };

  test('slims, cuts, measures statistics and fine-tunes, in this order', async () => {
    const { context, asked, noted } = trained();
    const result = await networkSlimming(options).run(model, context);
    expect(asked.map(([name, given]) => [name, (given as FitOptions).label])).toEqual([
      ['fit', 'slim'],
      ['recalibrate', undefined],
      ['fit', 'fine-tune'],
    ]);
    expect(noted.stages.map(({ name }) => name)).toEqual(['slimmed', 'pruned', 'recalibrated', 'fine-tuned']);
    expect(width(result)).toBe(5);
  });

  test('several steps end at the ratio', async () => {
    const { context, noted } = trained();
    const result = await networkSlimming({ ...options, ratio: 0.6, steps: 2 }).run(model, context);
    expect(width(result)).toBe(4);
    expect(noted.steps).toHaveLength(2);
    expect(noted.stages[5].name).toBe('pruned 2/2');
  });

  test('keeps one channel of each group whatever the ratio', async () => {
    expect(
      width(
        await networkSlimming({ ...options, ratio: 0.99, minimum: 2 })
          .run(model, trained().context)
          .catch(() => model),
      ),
    ).toBe(10);
    expect(width(await networkSlimming({ ...options, ratio: 0.9 }).run(model, trained().context))).toBe(1);
  });

  test('a minimum that is a fraction means the original group, however many steps there are', async () => {
    const wide = functional(
      [
        input('x', [2]),
        layer('Dense', 'a', { units: 10 }, ['x']),
        layer('BatchNormalization', 'bnA', { axis: -1 }, ['a']),
        layer('Dense', 'b', { units: 10 }, ['bnA']),
        layer('BatchNormalization', 'bnB', { axis: -1 }, ['b']),
        layer('Dense', 'head', { units: 1 }, ['bnB']),
      ],
      ['head'],
    );
    const norm = [[10], [10], [10], [10]];
    const shapes = { a: [[2, 10], [10]], bnA: norm, b: [[10, 10], [10]], bnB: norm, head: [[10, 1], [1]] };
    const base = checkpoint(wide, shapes);
    const small = ndarray(new Float32Array(10).fill(0.01), [10]);
    const weights = new Map(base.weights).set('bnA', [small, ...base.weights.get('bnA')!.slice(1)]);
    const half = { ...options, ratio: 0.4, steps: 2, minimum: 0.5 };
    const result = await networkSlimming(half).run({ ...base, weights }, trained().context);
    expect(width(result)).toBeGreaterThanOrEqual(5);
  });

  test('says what it is', () => {
    const method = networkSlimming(options);
    expect(method.name).toBe('networkSlimming');
    expect(method.paper).toContain('1708.06519');
    expect([...method.needs].sort()).toEqual(['data', 'training']);
  });

  test.each([1, -0.5, 70])('a ratio of %p is refused under its own name', ratio => {
    const error = refusal(() => networkSlimming({ ...options, ratio }));
    expect(error.code).toBe('bad-ratio');
    expect(error.message).toContain('networkSlimming');
  });

  test.each([0, 2.5, -1])('%p steps are refused as steps', steps => {
    const error = refusal(() => networkSlimming({ ...options, steps }));
    expect(error.code).toBe('bad-option');
    expect(error.message).toContain('steps');
  });
});
