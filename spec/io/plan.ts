/** A plan as compress returns it. */
import type { Plan } from '../../lib/edit/plan';

export const PLAN: Plan = {
  version: 1,
  source: { sha256: '0123456789abcdef'.repeat(4) },
  method: 'prune',
  seed: 7,
  groups: [
    { name: 'hidden', kind: 'neurons', units: 6, removed: [1, 4] },
    { name: 'head', kind: 'neurons', units: 3, removed: [], frozen: 'model output' },
  ],
  sites: [
    { layer: 'hidden', weight: 0, axis: 1, role: 'makes', kept: [0, 2, 3, 5] },
    { layer: 'hidden', weight: 1, axis: 0, role: 'makes', kept: [0, 2, 3, 5] },
    { layer: 'head', weight: 0, axis: 0, role: 'reads', kept: [0, 2, 3, 5] },
  ],
};
