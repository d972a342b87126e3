/** What a branch is made of, as text: branches of one build have one signature, whatever their widths. */
import { isContainer, type LayerSpec } from '../core/checkpoint';
import { callKey, type Links, type Reference } from './links';

export interface BranchCalls {
  /** What it reads of the stream, and what it gives the Add. */
  readonly from: Reference;
  readonly to: Reference;
  /** Keys of its calls. */
  readonly inside: ReadonlySet<string>;
  readonly branch: { readonly norm?: string };
}

/** The classes of its calls in the order of their need, and what each reads: a call by its number, the stream, or something else. */
export function signatureOf({ from, to, inside, branch }: BranchCalls, { calls }: Links): string {
  const numbers = new Map<string, number>();
  const lines: string[] = [];
  const waiting = [callKey(to)];
  while (waiting.length > 0) {
    const key = waiting[waiting.length - 1];
    const { inputs, spec } = calls.get(key)!;
    const open = inputs.map(callKey).filter(before => inside.has(before) && !numbers.has(before));
    if (numbers.has(key) || open.length === 0) {
      waiting.pop();
      if (numbers.has(key)) continue;
      numbers.set(key, lines.length);
      lines.push(`${classOf(spec)}(${inputs.map(input => nameFor(callKey(input))).join()})`);
    } else waiting.push(...open.reverse());
  }
  return `${lines.join(' ')}${branch.norm === undefined ? '' : ' norm'}`;

  function nameFor(key: string): string {
    if (key === callKey(from)) return 'stream';
    return inside.has(key) ? String(numbers.get(key)) : 'other';
  }
}

function classOf(spec: LayerSpec): string {
  return isContainer(spec) ? `[${spec.config.layers.map(classOf).join()}]` : spec.className;
}
