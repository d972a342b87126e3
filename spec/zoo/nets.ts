/** Small named models, one for each way units can flow. Every layer has a fixed name and random weights. */
import { depthwise, merged } from './merged';
import type { Net } from './parts';
import { moved } from './moved';
import { transformers } from './ownTransformer';
import { plain, spatial } from './plain';
import { nested, reused } from './reused';
import { sequence } from './sequence';
import { randomize } from './weights';

const builders = {
  ...plain,
  ...spatial,
  ...merged,
  ...depthwise,
  ...reused,
  ...nested,
  ...sequence,
  ...moved,
  ...transformers,
};

/** Every net by name; each call builds a new model with the same random weights, which the caller disposes. */
export const NETS: Readonly<Record<string, Net>> = Object.fromEntries(
  Object.entries(builders).map(([name, build]) => [name, () => randomize(build())]),
);

export const NET_NAMES: readonly string[] = Object.keys(NETS);
