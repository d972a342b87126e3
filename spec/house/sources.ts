/** The project's own files, and what they import, by the TypeScript parser. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';

export const ROOT = join(__dirname, '../..');

export interface Import {
  /** As written. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** TypeScript files under `folder`, relative to the root, with "/". */
export function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(ROOT.length + 1)
        .replace(/\\/g, '/'),
    )
    .sort();
}

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Everything `text` imports, re-exports or loads while it runs. */
export function importsOf(text: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, typeOnly: boolean): void => {
    if (node && ts.isStringLiteralLike(node)) found.push({ target: node.text, typeOnly });
  };
  walk(text, node => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause));
    if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    if (ts.isExternalModuleReference(node)) add(node.expression, false);
    if (ts.isCallExpression(node) && loads(node.expression)) add(node.arguments[0], false);
  });
  return found;
}

/** Whether `text` names `console` as code, not in a comment or string. */
export function usesConsole(text: string): boolean {
  let found = false;
  walk(text, node => {
    if (ts.isIdentifier(node) && node.text === 'console') found = true;
  });
  return found;
}

/** Whether `text` casts something to `any`. */
export function castsToAny(text: string): boolean {
  let found = false;
  walk(text, node => {
    const casts = ts.isAsExpression(node) || ts.isTypeAssertionExpression(node);
    if (casts && node.type.kind === ts.SyntaxKind.AnyKeyword) found = true;
  });
  return found;
}

/** Whether `text` itself does something when it is loaded: a statement at its top that declares nothing. */
export function hasSideEffects(text: string): boolean {
  const { statements } = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true);
  return statements.some(statement => {
    const loops = ts.isIterationStatement(statement, false);
    return loops || ts.isExpressionStatement(statement) || ts.isIfStatement(statement);
  });
}

/** The file or folder that a relative import of `file` means, from the root; a package's name otherwise. */
export function resolveImport(file: string, target: string): string {
  return target.startsWith('.') ? posix.join(posix.dirname(file), target) : target;
}

function loads(called: ts.Expression): boolean {
  return called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.isTypeOnly) return true;
  const { name, namedBindings } = clause;
  if (name || !namedBindings || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every(element => element.isTypeOnly);
}

function walk(text: string, look: (node: ts.Node) => void): void {
  const visit = (node: ts.Node): void => {
    look(node);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true));
}
