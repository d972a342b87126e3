/** Pairs of neighbours become one token, the best score first: how tokens are made of characters. */

/** What two tokens become. */
export interface Merged {
  readonly id: number;
  readonly score: number;
}

/**
 * Merges the pair with the best score, the first of equals, until there is none; as looking through all pairs each time would,
 * but in time that grows with n log n. `made` hears of every token at the time it is there, the first ones included.
 */
export function mergePairs(
  tokens: readonly number[],
  find: (left: number, right: number) => Merged | undefined,
  made: (id: number) => void = () => undefined,
): number[] {
  const now = [...tokens];
  const next = now.map((_, i) => i + 1);
  const previous = now.map((_, i) => i - 1);
  const heap: Pair[] = [];
  now.forEach(id => made(id));
  const look = (left: number): void => {
    const right = next[left];
    if (left < 0 || right >= now.length) return;
    const found = find(now[left], now[right]);
    if (found) push(heap, { left, right, before: [now[left], now[right]], ...found });
  };
  now.forEach((_, left) => look(left));
  for (let pair = pop(heap); pair; pair = pop(heap)) {
    const { left, right, before, id } = pair;
    const isStale = now[left] !== before[0] || now[right] !== before[1] || next[left] !== right;
    if (isStale) continue;
    now[left] = id;
    made(id);
    now[right] = -1;
    next[left] = next[right];
    if (next[left] < now.length) previous[next[left]] = left;
    look(previous[left]);
    look(left);
  }
  return now.filter(id => id >= 0);
}

interface Pair extends Merged {
  readonly left: number;
  readonly right: number;
  /** What was at both when the pair was seen. */
  readonly before: readonly [number, number];
}

function isBetter(a: Pair, b: Pair): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}

function push(heap: Pair[], pair: Pair): void {
  let at = heap.push(pair) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBetter(pair, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = pair;
}

function pop(heap: Pair[]): Pair | undefined {
  const [best] = heap;
  const last = heap.pop();
  if (heap.length === 0) return best;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child + 1 < heap.length && isBetter(heap[child + 1], heap[child])) child++;
    if (child >= heap.length || !isBetter(heap[child], last!)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last!;
  return best;
}
