// The machine's primitives, by the names of the table; like Python's, they follow IEEE 754.

type Primitive = (...operands: any[]) => any;
export interface Coefficients {
  erf: number[];
  erfc: number[];
}

function pow(x: number, y: number): number {
  // JavaScript says NaN where C says 1.
  if (x === 1 || y === 0) return 1;
  return x === -1 && Math.abs(y) === Infinity ? 1 : Math.pow(x, y);
}

function take(operands: number[]): number {
  const place = operands[operands.length - 1];
  return place < operands.length - 1 ? (operands[place] ?? NaN) : NaN;
}

function dot(operands: number[]): number {
  const n = operands.length >> 1;
  let total = operands[2 * n];
  for (let k = 0; k < n; k++) total += operands[k] * operands[n + k];
  return total;
}

function sum(operands: number[]): number {
  let total = operands[0] ?? 0;
  for (let k = 1; k < operands.length; k++) total += operands[k];
  return total;
}

/** Of any number of operands: in one array, because a call takes some ten thousand arguments at most. */
export const SEVERAL: Record<string, (operands: number[]) => number> = { sum, dot, take };

export const PRIMITIVES: Record<string, Primitive> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  fmod: (x, y) => x % y,
  neg: (x) => -x,
  pow,
  abs: Math.abs,
  floor: Math.floor,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  atan2: Math.atan2,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  where: (c, x, y) => (c ? x : y),
  less: (x, y) => x < y,
  less_equal: (x, y) => x <= y,
  equal: (x, y) => x === y,
  not_equal: (x, y) => x !== y,
  logical_and: (x, y) => !!x && !!y,
  logical_or: (x, y) => !!x || !!y,
  logical_not: (x) => !x,
};

const polynomial = (coefficients: number[], x: number): number =>
  coefficients.reduceRight((sum, c) => sum * x + c, 0);

/** erf and erfc, by the polynomials of the compiler's own vector mathematics. */
export function errorFunctions(c: Coefficients): Record<string, Primitive> {
  const tail = (x: number): number => {
    const t = (x - 3) / (x + 3);
    const high = Math.fround(x); // its square is exact
    const power = Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
    return (power * (1.25 + polynomial(c.erfc, t))) / (1 + 2 * x);
  };
  const near = (x: number): number => x + x * polynomial(c.erf, x * x);
  const erfc = (x: number): number => {
    if (x !== x || Math.abs(x) < 0.65) return 1 - near(x);
    const far = tail(Math.min(Math.abs(x), 28)); // beyond 28 it is 0
    return x < 0 ? 2 - far : far;
  };
  const erf = (x: number): number => {
    if (x !== x || Math.abs(x) < 0.65) return near(x);
    return Math.sign(x) * (1 - tail(Math.min(Math.abs(x), 28)));
  };
  return { erf, erfc };
}
