/** Optimizers whose rate changes from step to step. */
import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerName } from '../core/context';
import { adamUpdate, momentumUpdate, type Updated } from '../kernels/update';
import { zeros, type WasmBackend } from '../kernels/wasm';

export interface RatedOptimizer {
  /** One step down the gradient of `cost` over `variables`. */
  minimize(cost: () => tf.Scalar, variables: tf.Variable[], rate: number): void;
  /** Tensors it keeps for each variable. */
  readonly slots: number;
  /** Steps made so far. */
  readonly steps: number;
  /** What it keeps for `variable`, still its own; undefined before the first step. */
  stateOf(variable: tf.Variable): readonly tf.Tensor[] | undefined;
  /** Goes on as an optimizer that kept `states`, which become its own, after so many steps; only before the first step. */
  restore(
    steps: number,
    variables: readonly tf.Variable[],
    states: ReadonlyMap<tf.Variable, readonly tf.Tensor[]>,
  ): void;
  dispose(): void;
}

const MOMENTUM = 0.9;
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-7];

/** A fresh optimizer; the caller disposes it. All backends compute the same but for rounding. */
export function createOptimizer(name: OptimizerName): RatedOptimizer {
  if (tf.getBackend() === 'wasm') return name === 'adam' ? wasmAdam() : wasmMomentum();
  return name === 'adam' ? stockAdam() : stockMomentum();
}

function stockAdam(): RatedOptimizer {
  const adam = tf.train.adam(1, BETA1, BETA2);
  const inside = adam as unknown as Record<'accumulatedFirstMoment' | 'accumulatedSecondMoment', Accumulated[]> &
    Record<'accBeta1' | 'accBeta2', tf.Variable>;
  // Adam reads the field at every step, but tf.js gives it no setter.
  return stock(adam, [inside.accumulatedFirstMoment, inside.accumulatedSecondMoment], {
    setRate: learningRate => void Object.assign(adam, { learningRate }),
    setSteps: steps =>
      tf.tidy(() => {
        inside.accBeta1.assign(tf.scalar(BETA1 ** (steps + 1)));
        inside.accBeta2.assign(tf.scalar(BETA2 ** (steps + 1)));
      }),
    dispose: () => adam.dispose(),
  });
}

function stockMomentum(): RatedOptimizer {
  const momentum = tf.train.momentum(1, MOMENTUM);
  const { accumulations } = momentum as unknown as { accumulations: Accumulated[] };
  return stock(momentum, [accumulations], {
    setRate: rate => momentum.setLearningRate(rate),
    setSteps: () => {},
    dispose: () => {
      momentum.dispose();
      (momentum as unknown as { c: tf.Scalar }).c.dispose(); // tf.js forgets its scalar of the rate
    },
  });
}

/** How tf.js keeps what belongs to the variable at the same place in the list. */
interface Accumulated {
  readonly originalName: string;
  readonly variable: tf.Variable;
}

interface Handles {
  setRate(rate: number): void;
  setSteps(steps: number): void;
  dispose(): void;
}

function stock(
  inner: tf.Optimizer,
  kept: readonly Accumulated[][],
  { setRate, setSteps, dispose }: Handles,
): RatedOptimizer {
  let trained: readonly tf.Variable[] = [];
  let steps = 0;
  return {
    slots: kept.length,
    get steps() {
      return steps;
    },
    minimize(cost, variables, rate) {
      setRate(rate);
      inner.minimize(cost, false, variables);
      trained = variables;
      steps++;
    },
    stateOf(variable) {
      const at = trained.indexOf(variable);
      return at < 0 ? undefined : kept.map(list => list[at].variable);
    },
    restore(done, variables, states) {
      steps = done;
      setSteps(done);
      variables.forEach((variable, i) => {
        const own = states.get(variable);
        kept.forEach((list, slot) => {
          const start = own?.[slot] ?? tf.zerosLike(variable);
          list[i] = { originalName: variable.name, variable: tf.variable(start, false) };
          start.dispose();
        });
      });
    },
    dispose,
  };
}

function wasmMomentum(): RatedOptimizer {
  return inHeap(1, (backend, updated, [velocity], rate) =>
    momentumUpdate(backend, updated, velocity, { rate, momentum: MOMENTUM }),
  );
}

function wasmAdam(): RatedOptimizer {
  return inHeap(2, (backend, updated, [first, second], rate, step) => {
    const powers = { power1: BETA1 ** step, power2: BETA2 ** step };
    const constants = { beta1: BETA1, beta2: BETA2, epsilon: EPSILON };
    return adamUpdate(backend, updated, [first, second], { rate, ...constants, ...powers });
  });
}

type Update = (
  backend: WasmBackend,
  updated: Updated,
  state: readonly tf.Tensor[],
  rate: number,
  step: number,
) => tf.TensorInfo;

/** An optimizer with `slots` tensors of state for each variable, which start at zero. */
function inHeap(slots: number, update: Update): RatedOptimizer {
  const states = new Map<tf.Variable, readonly tf.Tensor[]>();
  let step = 0;
  const stateOf = (backend: WasmBackend, variable: tf.Variable): readonly tf.Tensor[] => {
    const fresh = (): tf.Tensor => tf.keep(tf.engine().makeTensorFromTensorInfo(zeros(backend, variable.shape)));
    const state = states.get(variable) ?? Array.from({ length: slots }, fresh);
    states.set(variable, state);
    return state;
  };
  return {
    slots,
    get steps() {
      return step;
    },
    stateOf: variable => states.get(variable),
    restore(done, _, kept) {
      step = done;
      for (const [variable, state] of kept) states.set(variable, state.map(tf.keep));
    },
    minimize(cost, variables, rate) {
      step++;
      const backend = tf.backend() as unknown as WasmBackend;
      tf.tidy(() => {
        const { grads } = tf.variableGrads(cost, variables);
        for (const variable of variables) {
          const gradient = grads[variable.name] as tf.Tensor | undefined; // none where the loss does not see it
          if (gradient === undefined) continue;
          const next = update(backend, { weight: variable, gradient }, stateOf(backend, variable), rate, step);
          variable.assign(tf.engine().makeTensorFromTensorInfo(next));
        }
      });
    },
    dispose: () => tf.dispose([...states.values()].flat()),
  };
}
