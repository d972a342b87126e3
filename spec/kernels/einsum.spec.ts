import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as fc from 'fast-check';
import type { Plain } from './compare';
import { expectClose, noise, runOn, startBackends } from './compare';

beforeAll(startBackends);

const sizes: Readonly<Record<string, number>> = { a: 2, b: 3, c: 4, d: 5, e: 1, f: 2, k: 40, l: 30, m: 50 };

/** Random tensors for the terms of an equation; one letter has one size everywhere. */
function tensorsFor(equation: string): Plain[] {
  const terms = equation.replace(/\s/g, '').split('->')[0].split(',');
  return terms.map((term, i) =>
    noise(
      [...term].map(letter => sizes[letter]),
      i + 1,
    ),
  );
}

/** Two terms over five letters, each letter kept or summed at random, in any order. */
const anyEquation = fc
  .tuple(fc.shuffledSubarray([...'abcde'], { minLength: 1 }), fc.shuffledSubarray([...'abcde'], { minLength: 1 }))
  .chain(([left, right]) =>
    fc
      .shuffledSubarray([...new Set([...left, ...right])])
      .map(out => `${left.join('')},${right.join('')}->${out.join('')}`),
  );

/** By definition: every product of every index, added where it belongs. The cpu kernel is wrong for axes summed out of one term alone. */
function byDefinition(equation: string, tensors: readonly Plain[]): Plain {
  const [inputs, output] = equation.replace(/\s/g, '').split('->');
  const terms = inputs.split(',');
  const letters = [...new Set(inputs.replace(',', ''))];
  const place = (term: string, index: ReadonlyMap<string, number>): number =>
    [...term].reduce((offset, letter) => offset * sizes[letter] + (index.get(letter) ?? 0), 0);
  const shape = [...output].map(letter => sizes[letter]);
  const values = new Array<number>(tf.util.sizeFromShape(shape)).fill(0);
  const index = new Map<string, number>();
  const visit = (depth: number): void => {
    if (depth === letters.length) {
      values[place(output, index)] += terms.reduce((p, term, i) => p * tensors[i].values[place(term, index)], 1);
      return;
    }
    for (let i = 0; i < sizes[letters[depth]]; i++) {
      index.set(letters[depth], i);
      visit(depth + 1);
    }
  };
  visit(0);
  return { shape, values };
}

async function expectDefinition(equation: string): Promise<void> {
  const tensors = tensorsFor(equation);
  expectClose(await runOn('wasm', tf.Einsum, tensors, { equation }), byDefinition(equation, tensors));
}

describe('Einsum', () => {
  it.each([
    'a->a',
    'a->',
    'ab->ba',
    'abc->ca',
    'ab->b',
    'abcdf->fdbca',
    'ab,bc->ac',
    'ab,cb->ca',
    'a,b->ab',
    'a,a->',
    'a,a->a',
    'abc,acd->abd',
    'abcd,abfd->abcf',
    'abc,abc->',
    'abc,b->ac',
    'ad,bc->ca',
    ' ab , bc -> ac ',
    'kl,lm->mk',
    'akl,alm->akm',
    'kal,lbm->abkm',
  ])('%s', expectDefinition);

  it('any two terms', () => fc.assert(fc.asyncProperty(anyEquation, expectDefinition), { seed: 3, numRuns: 200 }));

  it.each(['ab,bc->ac', 'abcd,abfd->abcf', 'ab->ba'])('%s: like cpu', async equation => {
    const tensors = tensorsFor(equation);
    expectClose(
      await runOn('wasm', tf.Einsum, tensors, { equation }),
      await runOn('cpu', tf.Einsum, tensors, { equation }),
    );
  });

  it('keeps integers exact', async () => {
    const large = (shape: number[]): Plain => ({ ...noise(shape, 1), values: [30001, 3, 7, 11], dtype: 'int32' });
    const out = await runOn('wasm', tf.Einsum, [large([2, 2]), large([2, 2])], { equation: 'ab,bc->ac' });
    expect(out).toEqual({ shape: [2, 2], values: [30001 * 30001 + 21, 90036, 210084, 142], dtype: 'int32' });
  });

  it.each(['ab,bc', '...a,ab->b', 'aa->a', 'ab->c'])('refuses %s as tf.js does', async equation => {
    const inputs = tensorsFor(equation.replace('...', ''));
    await expect(runOn('wasm', tf.Einsum, inputs, { equation })).rejects.toThrow();
    await expect(runOn('cpu', tf.Einsum, inputs, { equation })).rejects.toThrow();
  });

  it('does not share memory with its input', async () => {
    await tf.setBackend('wasm');
    const x = tf.tensor1d([1, 2]);
    const y = tf.einsum('i->i', x);
    x.dispose();
    expectClose({ shape: y.shape, values: Array.from(y.dataSync()) }, { shape: [2], values: [1, 2] });
    y.dispose();
  });
});
