/** Trained models of others: not part of the project, so what needs them is skipped where they are not. */
import { join } from 'node:path';
import { ROOT } from '../house/sources';

export const DATA = process.env.TFJS_PRUNE_DATA ?? join(ROOT, '../shared/data');
