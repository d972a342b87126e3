/** Optimizers whose rate changes from step to step. */
import * as tf from '@tensorflow/tfjs-core';
import type { OptimizerName } from '../core/context';
import { adamUpdate, momentumUpdate, type Updated } from '../kernels/update';
import { zeros, type WasmBackend } from '../kernels/wasm';

export interface RatedOptimizer {
  /** One step down the gradient of `cost` over `variables`. */
  minimize(cost: () => tf.Scalar, variables: tf.Variable[], rate: number): void;
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
  return {
    minimize(cost, variables, rate) {
      // Adam reads the field at every step, but tf.js gives it no setter.
      Object.assign(adam, { learningRate: rate });
      adam.minimize(cost, false, variables);
    },
    dispose: () => adam.dispose(),
  };
}

function stockMomentum(): RatedOptimizer {
  const momentum = tf.train.momentum(1, MOMENTUM);
  return {
    minimize(cost, variables, rate) {
      momentum.setLearningRate(rate);
      momentum.minimize(cost, false, variables);
    },
    dispose: () => {
      momentum.dispose();
      (momentum as unknown as { c: tf.Scalar }).c.dispose(); // tf.js forgets its scalar of the rate
    },
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
