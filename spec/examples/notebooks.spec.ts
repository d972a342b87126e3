/** What a notebook of the examples must be like; `npm run test:notebooks` runs them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Cell {
  readonly cell_type: 'code' | 'markdown';
  readonly source: readonly string[];
  readonly execution_count?: number | null;
  readonly outputs?: readonly { readonly output_type: string; readonly name?: string }[];
}

const FOLDER = join(__dirname, '../../examples/notebooks');
const NAMES = readdirSync(FOLDER).filter(file => file.endsWith('.ipynb'));
const IMPORTS = /^(node:\w+|@tensorflow\/tfjs-(core|layers)|tfjs-prune|tslab)$/;

function read(name: string): { cells: readonly Cell[]; code: readonly Cell[]; kernel: unknown } {
  const { cells, metadata } = JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as {
    cells: Cell[];
    metadata: { kernelspec: { name: unknown } };
  };
  return { cells, code: cells.filter(({ cell_type: type }) => type === 'code'), kernel: metadata.kernelspec.name };
}

test('there are some', () => {
  expect(NAMES.length).toBeGreaterThanOrEqual(4);
});

describe.each(NAMES)('%s', name => {
  const { cells, code, kernel } = read(name);

  test('is for tslab, begins with words, and was run from the top without an error', () => {
    expect(kernel).toBe('tslab');
    expect(cells[0].cell_type).toBe('markdown');
    expect(cells[0].source[0]).toMatch(/^# /);
    expect(code.map(cell => cell.execution_count)).toEqual(code.map((_, i) => i + 1));
    const outputs = code.flatMap(cell => cell.outputs!);
    expect(outputs.length).toBeGreaterThan(0);
    expect(outputs.filter(output => output.output_type === 'error' || output.name === 'stderr')).toEqual([]);
  });

  test('has short cells', () => {
    expect(code.filter(({ source }) => source.length > 25).map(({ source }) => source[0])).toEqual([]);
    expect(cells.flatMap(({ source }) => source).filter(line => line.trimEnd().length > 140)).toEqual([]);
  });

  test('imports what a user has: the package, its peers, and tslab', () => {
    const text = code.map(({ source }) => source.join('')).join('\n');
    const found = [...text.matchAll(/from '([^']+)'|(?:require|import)\(['"]([^'"]+)/g)].map(
      ([, from, called]) => from ?? called,
    );
    expect(found.filter(target => !IMPORTS.test(target))).toEqual([]);
    expect(found).toContain('tfjs-prune');
  });
});
