/** Any step, run over time. */
import type { Builder } from '../builder';
import type { OnnxValue } from '../model';

export interface Scan {
  /** Before the first step. */
  readonly states: readonly string[];
  /** Time comes first; each step gets one row of each. */
  readonly sequences: readonly string[];
  /** From the last step to the first. */
  readonly backwards: boolean;
  /** 1 for each example whose step counts and 0 for others, `[time, batch, 1]`. */
  readonly mask?: string;
  /** States after a step; the first is what comes out. */
  step(graph: Builder, rows: readonly string[], states: readonly string[]): readonly string[];
}

/** What comes out of all steps. */
export interface Steps {
  /** At each place in time, which comes first. */
  readonly sequence: string;
  /** After the last step. */
  readonly states: readonly string[];
}

export function scan(graph: Builder, { states, sequences, backwards, mask, step }: Scan): Steps {
  const read = [...sequences, ...(mask === undefined ? [] : [mask])];
  const named = (word: string, list: readonly string[]): OnnxValue[] =>
    list.map(() => ({ name: graph.fresh(word), type: 'float32' })); // prettier-ignore
  const [before, rows] = [named('state', states), named('row', read)];
  const body = graph.inner([...before, ...rows], inside => {
    const held = before.map(({ name }) => name);
    const given = rows.map(({ name }) => name);
    const counts = mask === undefined ? undefined : given.pop();
    const after = step(inside, given, held).map((state, i) =>
      counts ? skipped(inside, state, held[i], counts) : state,
    );
    // A state and what comes out are two outputs, and need two names.
    return [...after, after[0]].map((from): OnnxValue => ({ name: inside.node('Identity', [from]), type: 'float32' }));
  });
  const direction = backwards ? 1 : 0;
  const made = graph.nodes('Scan', [...states, ...read], states.length + 1, {
    body,
    num_scan_inputs: { int: read.length },
    scan_input_directions: { ints: read.map(() => direction) },
    scan_output_directions: { ints: [direction] },
  });
  return { sequence: made[states.length], states: made.slice(0, states.length) };
}

/** `after` where the step counts, else what was before. */
function skipped(graph: Builder, after: string, before: string, counts: string): string {
  const change = graph.node('Mul', [graph.node('Sub', [after, before]), counts]);
  return graph.node('Add', [before, change]);
}
