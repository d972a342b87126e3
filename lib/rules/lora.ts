/** A Dense layer with a trained correction of low rank: kernel, bias where it has one, `a [in, rank]` and `b [rank, out]`. */
import { dense } from './dense';
import { elements, type LayerRule, type LocalSite } from './rule';

export const LORA_DENSE = 'PruneLoraDense';

export const loraDense: LayerRule = {
  className: LORA_DENSE,
  understands: [...dense.understands, 'rank', 'scale'],
  weights: 3,
  trace(call) {
    const { outputs, sites = [] } = dense.trace(call);
    const [reads, makes] = sites;
    const a = call.weights.length - 2;
    const rank = call.fresh('rank', call.weights[a][1], 'rank');
    call.freeze(rank, `the rank of "${call.path}"`);
    const adapters: LocalSite[] = [
      { ...reads, weight: a, parameter: 'adapter' },
      { weight: a, axis: 1, width: rank, role: 'makes', parameter: 'adapter' },
      { weight: a + 1, axis: 0, width: rank, role: 'reads', parameter: 'adapter' },
      { ...makes, weight: a + 1, parameter: 'adapter' },
    ];
    return { outputs, sites: [...sites, ...adapters] };
  },
  resize: dense.resize,
  turns: dense.turns,
  macs(call) {
    const rank = call.weights[call.weights.length - 2][1];
    return dense.macs!(call) + (elements(call.inputs[0]) + elements(call.outputs[0])) * rank;
  },
};
