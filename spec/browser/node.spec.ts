/** What pages have in place of Node.js: names as there, and a refusal instead of files. */
import path from 'node:path';
import fc from 'fast-check';
import * as standIn from '../../lib/browser/node';
import { filesUnder, textOf } from '../house/sources';

const names = fc.array(fc.constantFrom('a', 'b.json', '.', '..', '', '/', 'c/d', '/e/', '..f'), { maxLength: 6 });

test('paths come apart and together as in Node.js', () => {
  fc.assert(
    fc.property(names, parts => {
      const whole = path.posix.join(...parts);
      expect(standIn.join(...parts)).toBe(path.posix.join(...parts));
      expect(standIn.resolve('/', ...parts)).toBe(path.posix.resolve('/', ...parts));
      expect(standIn.dirname(whole)).toBe(path.posix.dirname(whole));
      expect(standIn.basename(whole)).toBe(path.posix.basename(whole));
    }),
    { numRuns: 1000, examples: [[['a', '..', '/']]] },
  );
});

test.each(['', 'a', '/a', '\\a', 'C:\\a', 'c:a', 'C:/a', './a', 'https://a'])('%p is absolute as in Node.js', name => {
  expect(standIn.posix.isAbsolute(name)).toBe(path.posix.isAbsolute(name));
  expect(standIn.win32.isAbsolute(name)).toBe(path.win32.isAbsolute(name));
});

test('everything that the library imports from Node.js is there', () => {
  const files = filesUnder('lib').filter(file => !/^lib\/(cli|native)\//.test(file));
  const imports = files.flatMap(file => [...textOf(file).matchAll(/^import \{([^}]*)\} from 'node:/gm)]);
  const wanted = imports.flatMap(([, list]) => list.split(',').map(name => name.trim()));
  expect(wanted).toEqual(expect.arrayContaining(['stat', 'join']));
  expect(wanted.filter(name => !name.startsWith('type ') && !(name in standIn))).toEqual([]);
});

test('what would touch a file refuses at once, naming it', () => {
  expect(() => standIn.stat('models/digits')).toThrow(
    expect.objectContaining({
      code: 'bad-file',
      message: expect.stringMatching(/^"models\/digits": .*got a browser\. /),
    }),
  );
  expect(() => standIn.createHash()).toThrow(/^files: expected Node\.js/);
});
