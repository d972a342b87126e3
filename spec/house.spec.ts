/** The rules of the house that neither compiler nor linter can see. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { violation } from './house/direction';
import { castsToAny, filesUnder, importsOf, ROOT, textOf, usesConsole } from './house/sources';

const LIBRARY = filesUnder('lib');
const ALL = ['lib', 'spec', 'examples', 'bench'].filter(folder => existsSync(join(ROOT, folder))).flatMap(filesUnder);

test('there are files to look at', () => {
  expect(LIBRARY.length).toBeGreaterThan(40);
  expect(ALL).toContain('spec/house.spec.ts');
});

describe('imports of lib', () => {
  test('go one way', () => {
    const found = LIBRARY.flatMap(file =>
      importsOf(textOf(file)).flatMap(entry => {
        const reason = violation(file, entry);
        return reason ? [`${file} imports ${entry.target}: ${reason}`] : [];
      }),
    );
    expect(found).toEqual([]);
  });

  const value = (target: string) => ({ target, typeOnly: false });
  const type = (target: string) => ({ target, typeOnly: true });

  test.each([
    ['lib/core/array.ts', value('../rules/rule')],
    ['lib/core/array.ts', type('../rules/rule')],
    ['lib/rules/dense.ts', value('../graph/trace')],
    ['lib/criteria/gamma.ts', value('../budgets/global')],
    ['lib/budgets/global.ts', type('../criteria/criterion')],
    ['lib/methods/prune.ts', value('../runtime/fit')],
    ['lib/methods/prune.ts', value('../layers/slimmable')],
    ['lib/layers/slimmable.ts', value('../edit/slice')],
    ['lib/io/modelFiles.ts', value('../graph/trace')],
    ['lib/core/array.ts', value('../compress')],
    ['lib/novelty/file.ts', value('../core/array')],
    ['lib/core/array.ts', value('../../spec/zoo/nets')],
    ['lib/graph/trace.ts', type('@tensorflow/tfjs-core')],
    ['lib/report/cost.ts', value('@tensorflow/tfjs-core')],
    ['lib/report/explain.ts', value('../methods/prune')],
    ['lib/edit/plan.ts', type('../report/report')],
    ['lib/methods/cut.ts', type('../plan')],
    ['lib/compress.ts', value('@tensorflow/tfjs-layers')],
    ['lib/runtime/fit.ts', value('@tensorflow/tfjs-backend-wasm')],
    ['lib/runtime/fit.ts', value('@tensorflow/tfjs')],
    ['lib/runtime/loaders.ts', value('@tensorflow/tfjs-node')],
    ['lib/core/hash.ts', value('node:crypto')],
  ])('%s must not have %p', (file, entry) => {
    expect(violation(file, entry)).toEqual(expect.any(String));
  });

  test.each([
    ['lib/core/array.ts', value('./errors')],
    ['lib/criteria/gamma.ts', value('../edit/slice')],
    ['lib/methods/prune.ts', value('../budgets')],
    ['lib/layers/slimmable.ts', value('../edit/slim')],
    ['lib/runtime/fit.ts', value('@tensorflow/tfjs-core')],
    ['lib/runtime/loaders.ts', value('@tensorflow/tfjs-backend-wasm')],
    ['lib/report/latency.ts', value('@tensorflow/tfjs-core')],
    ['lib/compress.ts', type('@tensorflow/tfjs-layers')],
    ['lib/compress.ts', value('./runtime/fit')],
    ['lib/plan.ts', value('./runtime/capture')],
    ['lib/report/explain.ts', value('../edit/savings')],
    ['lib/cli/main.ts', value('../../package.json')],
    ['lib/core/random.ts', value('seedrandom')],
  ])('%s may have %p', (file, entry) => {
    expect(violation(file, entry)).toBeUndefined();
  });

  test('are all found, with and without code behind them', () => {
    const text = `
      import a from 'one'; import type { B } from 'two'; import { type C, type D } from 'three';
      import { e, type F } from 'four'; import 'five'; export * from 'six'; export type { G } from 'seven';
      const h = await import('eight'); const i = require('nine'); type J = import('ten').J; // import 'eleven'
    `;
    expect(importsOf(text).map(({ target, typeOnly }) => `${target}${typeOnly ? ' (type)' : ''}`)).toEqual([
      'one',
      'two (type)',
      'three (type)',
      'four',
      'five',
      'six',
      'seven (type)',
      'eight',
      'nine',
      'ten (type)',
    ]);
  });
});

test('no file is over 400 lines', () => {
  const long = ALL.map(file => [file, textOf(file).trimEnd().split('\n').length] as const).filter(
    ([, lines]) => lines > 400,
  );
  expect(long).toEqual([]);
});

test('every file has LF line ends', () => {
  expect(ALL.filter(file => textOf(file).includes('\r\n'))).toEqual([]);
});

test('lib does not write to the console', () => {
  expect(LIBRARY.filter(file => !file.startsWith('lib/cli/') && usesConsole(textOf(file)))).toEqual([]);
  expect(usesConsole('const log = console.log;')).toBe(true);
  expect(usesConsole('// console.log("x")\nconst text = "console";')).toBe(false);
});

test('lib has no unfinished work and no way around the types', () => {
  const marks = /\b(TODO|FIXME)\b|@ts-(ignore|nocheck|expect-error)|eslint-disable/;
  expect(LIBRARY.filter(file => marks.test(textOf(file)) || castsToAny(textOf(file)))).toEqual([]);
  for (const text of ['// TODO: later', '// @ts-ignore', '/* eslint-disable */']) expect(text).toMatch(marks);
  for (const text of ['f(x as any)', 'f(<any>x)']) expect(castsToAny(text)).toBe(true);
  expect(castsToAny('// as fast as any other\nf(x as unknown)')).toBe(false);
});
