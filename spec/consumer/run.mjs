import * as library from 'tfjs-prune';
import { compress, PruneError } from 'tfjs-prune';
import { job } from './job.cjs';

if (typeof compress !== 'function' || typeof PruneError !== 'function') throw new Error('named imports are missing');
await job(library);
