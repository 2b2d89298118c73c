// The graph as it was saved: decoded, evaluated, differentiated.
import { Coefficients, PRIMITIVES, SEVERAL, errorFunctions } from "./machine";

export type Operand = number | string | [number | string];
export interface Program {
  lines: [string, ...Operand[]][];
  out: Operand[];
}
export interface Row {
  symbol: string;
  operands: string[];
  meaning?: Program;
  derivative?: Program;
}
export interface Head {
  title: string;
  size: number;
  leaves: number;
  root: number;
  keys: string[];
  rows: Record<string, Row>;
  constants: (number | string)[];
  labels: Record<number, string>;
  names: Record<number, string>;
  lines: Record<number, string>;
  groups?: string[];
  coefficients?: Coefficients;
  arrays: [string, string, number, number][];
}
type Env = Record<string, any>;

const KINDS: Record<string, any> = { f8: Float64Array, i4: Int32Array, u2: Uint16Array };
const constant = (x: number | string): number =>
  typeof x === "number" ? x : x === "inf" ? Infinity : x === "-inf" ? -Infinity : NaN;

/** The name of an operation, as it is shown. */
export const named = (key: string): string => key.replace(/[:#]\d+$/, "");

/** The bytes of gzipped base64. */
export async function decode(text: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** What this script computes itself, by key. An own operation's key, such as `take#0`, names none of it. */
function primitives(head: Head): Map<string, (operands: any[]) => any> {
  const fixed = { ...PRIMITIVES, ...(head.coefficients ? errorFunctions(head.coefficients) : {}) };
  const found = new Map<string, (operands: any[]) => any>();
  for (const key of Object.keys(head.rows)) {
    const name = key.replace(/:\d+$/, "");
    if (Object.hasOwn(SEVERAL, name)) found.set(key, SEVERAL[name]);
    else if (Object.hasOwn(fixed, key)) found.set(key, (operands) => fixed[key](...operands));
  }
  return found;
}

export class Graph {
  readonly size: number;
  readonly leaves: number;
  readonly root: number;
  readonly data: Float64Array;
  readonly grad: Float64Array;
  readonly group?: Int32Array;
  readonly member?: Int32Array;
  readonly saved: { data: Float64Array; grad: Float64Array };
  private readonly slopes?: Float64Array; // the local derivatives, if the page cannot evaluate the operations
  private readonly op: Uint16Array;
  private readonly operands: Int32Array;
  private readonly start: Int32Array;
  private readonly constants: number[];
  private readonly primitives: Map<string, (operands: any[]) => any>;

  constructor(
    readonly head: Head,
    bytes: ArrayBuffer,
  ) {
    this.size = head.size;
    this.leaves = head.leaves;
    this.root = head.root;
    const arrays: Record<string, any> = {};
    for (const [name, kind, at, length] of head.arrays) arrays[name] = new KINDS[kind](bytes, at, length);
    this.data = arrays.data;
    this.grad = arrays.grad;
    this.group = arrays.group;
    this.member = arrays.member;
    this.op = arrays.op;
    this.operands = arrays.operands;
    this.start = new Int32Array(this.op.length + 1);
    for (let k = 0; k < this.op.length; k++) this.start[k + 1] = this.start[k] + arrays.count[k];
    this.resolve();
    this.saved = { data: this.data.slice(), grad: this.grad.slice() };
    this.constants = head.constants.map(constant);
    this.primitives = primitives(head);
    this.slopes = arrays.slopes;
  }

  get evaluable(): boolean {
    return !this.slopes;
  }

  /** Distances back become places; constants stay negative. */
  private resolve(): void {
    for (let k = 0; k < this.op.length; k++)
      for (let j = this.start[k]; j < this.start[k + 1]; j++)
        if (this.operands[j] > 0) this.operands[j] = k + this.leaves - this.operands[j];
  }

  isLeaf(node: number): boolean {
    return node < this.leaves;
  }

  /** The key of a computed node's operation in the table; "" for a leaf. */
  key(node: number): string {
    return this.isLeaf(node) ? "" : this.head.keys[this.op[node - this.leaves]];
  }

  /** The name of its operation. */
  operation(node: number): string {
    return named(this.key(node));
  }

  /** Its operands: nodes, and constants as negative numbers. */
  inputs(node: number): Int32Array {
    if (this.isLeaf(node)) return new Int32Array();
    return this.perOperand(this.operands, node);
  }

  /** The part of an array with a number for each operand that belongs to a computed node. */
  private perOperand<T extends Int32Array | Float64Array>(array: T, node: number): T {
    return array.subarray(this.start[node - this.leaves], this.start[node - this.leaves + 1]) as T;
  }

  number(operand: number): number {
    return operand >= 0 ? this.data[operand] : this.constants[-1 - operand];
  }

  numbers(node: number): number[] {
    return Array.from(this.inputs(node), (x) => this.number(x));
  }

  call(key: string, operands: any[]): any {
    const primitive = this.primitives.get(key);
    if (primitive) return primitive(operands);
    const row = this.head.rows[key];
    return row?.meaning ? this.run(row.meaning, environment(row, operands))[0] : NaN;
  }

  /** The results of a program, and those of all its lines before them. */
  run(program: Program, env: Env, values: any[] = []): any[] {
    const of = (x: Operand): any =>
      typeof x === "number" ? values[x] : typeof x === "string" ? env[x] : constant(x[0]);
    for (const [key, ...operands] of program.lines) values.push(this.call(key, operands.map(of)));
    return program.out.map(of);
  }

  /** What each operand of a node gains if the gradient of the node is g. */
  gains(node: number, g: number): number[] {
    if (this.slopes) return Array.from(this.perOperand(this.slopes, node), (slope) => g * slope);
    const key = this.key(node);
    const x = this.numbers(node);
    if (key === "sum") return x.map(() => g);
    if (key === "dot") {
      const n = x.length >> 1;
      return [...x.slice(n, 2 * n).map((v) => g * v), ...x.slice(0, n).map((v) => g * v), g];
    }
    const row = this.head.rows[key];
    return this.run(row.derivative!, { g, z: this.data[node], ...environment(row, x) });
  }

  forward(): void {
    for (let node = this.leaves; node < this.size; node++)
      this.data[node] = this.call(this.key(node), this.numbers(node));
  }

  backward(): void {
    this.grad.fill(0);
    this.grad[this.root] = 1;
    for (let node = this.size - 1; node >= this.leaves; node--) {
      if (this.grad[node] !== 0) this.passOn(node, this.grad);
    }
  }

  /** Adds to the gradients of a node's operands, in Python's order: in a dot, each weight before its input. */
  passOn(node: number, grad: Float64Array): void {
    const inputs = this.inputs(node);
    const gains = this.gains(node, grad[node]);
    const pairs = this.key(node) === "dot" ? inputs.length >> 1 : 0;
    for (let j = 0; j < inputs.length; j++) {
      const k = j < 2 * pairs ? (j >> 1) + (j & 1) * pairs : j;
      if (inputs[k] >= 0) grad[inputs[k]] += gains[k];
    }
  }

  /** All numbers as they were saved. */
  reset(): void {
    this.data.set(this.saved.data);
    this.grad.set(this.saved.grad);
  }

  /** What an operand is called: its name, or its place in the graph; a constant by its number. */
  label(operand: number): string {
    if (operand < 0) return shown(this.constants[-1 - operand]);
    const label = this.head.labels[operand];
    return label ?? (this.isLeaf(operand) ? `v${operand + 1}` : `n${operand - this.leaves + 1}`);
  }

  name(node: number): string {
    return this.head.names[node] ?? this.label(node);
  }
}

export function environment(row: Row, operands: any[]): Env {
  return Object.fromEntries(row.operands.map((name, k) => [name, operands[k]]));
}

/** A number as `micrograd.working.shown` shows it: few digits, and the minus sign of print. */
export function shown(x: number, digits = 4): string {
  if (x !== x) return "nan";
  if (Math.abs(x) === Infinity) return x > 0 ? "inf" : "−inf";
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-3 || size >= 1e6))
    return x.toExponential(Math.max(digits - 2, 1)).replace("e+", "e").replaceAll("-", "−");
  const [whole, fraction] = (Object.is(x, -0) ? "-" : "").concat(x.toFixed(digits)).split(".");
  return `${whole}.${fraction.replace(/0+$/, "") || "0"}`.replace("-", "−");
}
