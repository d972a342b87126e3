/** Arithmetic of layers with several inputs. */
import { exactly, pick, times, type Arithmetic, type Constant, type ConstantCall } from './arithmetic';
import { fromStart } from './rule';

export const adding: Arithmetic = { linear: call => folded(call, constants => combined(constants, sum)) };

export const averaging: Arithmetic = {
  linear: call => folded(call, constants => combined(constants, values => sum(values) / values.length)),
};

export const highest: Arithmetic = {
  constant: call => folded(call, constants => combined(constants, values => Math.max(...values))),
};

export const lowest: Arithmetic = {
  constant: call => folded(call, constants => combined(constants, values => Math.min(...values))),
};

export const multiplying: Arithmetic = {
  constant: call => folded(call, constants => constants.reduce(product)),
};

/** Along the units one after the other; along another axis constant where all agree. */
export const joining: Arithmetic = {
  linear({ config, inputs, output }) {
    if (inputs.some(({ axis }) => axis !== output.axis)) return undefined;
    const constants = inputs.map(({ constant }) => constant);
    const along = fromStart(Number(config.axis ?? -1), output.shape.length) === output.axis;
    return along ? inRow(constants) : constants.reduce(agreed);
  },
};

/** All inputs brought to the width of the output; undefined where their units lie on different axes. */
function folded(
  { inputs, output }: ConstantCall,
  fold: (constants: readonly Constant[]) => Constant,
): Constant | undefined {
  const rank = output.shape.length;
  if (inputs.some(({ axis, shape }) => axis + rank - shape.length !== output.axis)) return undefined;
  const { length } = output.width;
  return fold(
    inputs.map(({ constant }) => {
      const one = constant.value.length === 1;
      return one ? pick(constant, length, () => 0) : constant;
    }),
  );
}

/** Position by position, for a function that rises with each of its values. */
function combined(constants: readonly Constant[], combine: (values: readonly number[]) => number): Constant {
  const at = (part: keyof Constant): Float64Array =>
    constants[0].value.map((_, i) => combine(constants.map(constant => constant[part][i])));
  return { value: at('value'), low: at('low'), high: at('high') };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function product(a: Constant, b: Constant): Constant {
  const corners = a.value.map((_, i) => i);
  const ends = [a.low, a.high].flatMap(x => [b.low, b.high].map(y => corners.map(i => multiplied(x[i], y[i]))));
  return {
    value: corners.map(i => multiplied(a.value[i], b.value[i])),
    low: corners.map(i => Math.min(...ends.map(end => end[i]))),
    high: corners.map(i => Math.max(...ends.map(end => end[i]))),
  };
}

function multiplied(a: number, b: number): number {
  return b === 0 ? 0 : times(a, b);
}

function inRow(constants: readonly Constant[]): Constant {
  const join = (part: keyof Constant): Float64Array =>
    Float64Array.from(constants.flatMap(constant => [...constant[part]]));
  return { value: join('value'), low: join('low'), high: join('high') };
}

function agreed(a: Constant, b: Constant): Constant {
  const same = a.value.map((value, i) => (value === b.value[i] ? value : NaN));
  if (same.every(Number.isNaN)) return exactly(same);
  const where = (pickEnd: (x: number, y: number) => number, x: Float64Array, y: Float64Array): Float64Array =>
    same.map((value, i) => (Number.isNaN(value) ? NaN : pickEnd(x[i], y[i])));
  return { value: same, low: where(Math.min, a.low, b.low), high: where(Math.max, a.high, b.high) };
}
