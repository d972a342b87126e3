/** Writes docs/methods.md from the comments of what is exported: `npm run features`. A spec compares the two. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import * as library from '../lib';

interface Entry {
  readonly name: string;
  /** What it returns, as it is written. */
  readonly type: string;
  /** Its comment as one line. */
  readonly about: string;
}

const TABLES = [
  { title: 'Methods', folder: 'methods', type: /^Method\b/ },
  { title: 'Criteria of units', folder: 'criteria', type: /^Criterion(<|$)/ },
  { title: 'Criteria of blocks', folder: 'criteria', type: /^BlockCriterion\b/ },
  { title: 'Budgets', folder: 'budgets', type: /Budget$/ },
] as const;

const root = join(__dirname, '..');

function entriesOf(folder: string): readonly Entry[] {
  const path = join(root, 'lib', folder);
  const found = new Map<string, Entry>();
  for (const file of readdirSync(path).sort()) {
    const text = readFileSync(join(path, file), 'utf8');
    for (const statement of ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).statements) {
      if (!ts.isFunctionDeclaration(statement) || statement.name === undefined) continue;
      const name = statement.name.text;
      const about = ts
        .getJSDocCommentsAndTags(statement)
        .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')
        .join(' ')
        .replace(/\{@link (\w+)\}/g, '`$1`')
        .replace(/\s+/g, ' ');
      // Of several signatures the first is explained.
      if (name in library && about !== '' && !found.has(name)) {
        found.set(name, { name, type: statement.type?.getText() ?? '', about });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function rowOf({ name, type, about }: Entry): string {
  const [sentence] = /^.*?[^.]\.(?=\s|$)/.exec(about) ?? [about];
  const needs = [...type.matchAll(/'(\w+)'/g)].map(([, need]) => need).join(', ');
  const [paper] = /\b\d{4}\.\d{5}\b/.exec(about) ?? [];
  const link = paper === undefined ? '' : `[${paper}](https://arxiv.org/abs/${paper})`;
  return `| \`${name}\` | ${sentence.replace(/\.$/, '').replaceAll('|', '\\|')} | ${needs} | ${link} |`;
}

/** The whole file. */
export function methods(): string {
  const tables = TABLES.flatMap(({ title, folder, type }) => [
    `## ${title}`,
    '',
    '| Name | What it does | Needs | Paper |',
    '| ---- | ------------ | ----- | ----- |',
    ...entriesOf(folder)
      .filter(entry => type.test(entry.type))
      .map(rowOf),
    '',
  ]);
  return [
    '# Methods, criteria and budgets',
    '',
    'All that there is, a line each; `npm run docs` makes the whole reference. A method composed of others needs what they need: examples of the',
    'data (`data`), labels too (`gradients`), or training on them (`training`). This page is written from the comments by `npm run features`.',
    '',
    ...tables,
  ].join('\n');
}

if (require.main === module) writeFileSync(join(root, 'docs/methods.md'), methods());
