// The working of one operation, in symbols and in numbers: the text of `micrograd/working.py`.
import { Graph, Operand, Program, environment, named, shown } from "./graph";

export const FEW = 6; // operands that are shown; the others are counted
const LONG = 90; // characters of a formula; a longer one is named
const TIGHT = 3; // how tightly a sign holds
const INFIX = new Map<string, [string, number]>(Object.entries({
  less: ["<", 0], less_equal: ["≤", 0], equal: ["=", 0], not_equal: ["≠", 0],
  add: ["+", 1], sub: ["−", 1], mul: ["·", 2], div: ["/", 2], pow: ["**", 4],
}));

const enclosed = (text: string): string => (text.startsWith("−") ? `(${text})` : text);
const tight = (text: string, own: number, around: number): string => (own < around ? `(${text})` : text);
const equation = (parts: string[]): string => [...new Set(parts.filter((part) => part))].join(" = ");

function listed(parts: string[], between: string): string {
  return (parts.length > FEW + 1 ? [...parts.slice(0, FEW), "…"] : parts).join(between);
}

/** The operation of a node, with its constants; the name of a leaf. */
export function title(graph: Graph, node: number): string {
  if (graph.isLeaf(node)) return graph.label(node);
  const name = graph.operation(node);
  const infix = INFIX.get(name);
  if (!infix) return graph.head.rows[graph.key(node)]?.symbol || name;
  const constants = Array.from(graph.inputs(node), (x) => (x < 0 ? shown(graph.number(x)) : ""));
  return [constants[0], infix[0], constants[1]].filter((part) => part).join(" ");
}

/** What a value is called, and its operation. */
export function heading(graph: Graph, node: number): string {
  return graph.isLeaf(node) ? graph.label(node) : `${graph.label(node)} = ${title(graph, node)}`;
}

/** How a computed value follows from its operands. */
export function forward(graph: Graph, node: number): string {
  const inputs = Array.from(graph.inputs(node));
  const symbols = call(graph, node, inputs.map((x) => graph.label(x)), "·");
  const numbers = call(graph, node, inputs.map((x) => shown(graph.number(x))), "×");
  return equation([graph.label(node), symbols, numbers, shown(graph.data[node])]);
}

function call(graph: Graph, node: number, operands: string[], times: string): string {
  const key = graph.key(node);
  if (key === "dot") {
    const n = operands.length >> 1;
    const terms = operands.slice(0, n).map((w, k) => `${enclosed(w)} ${times} ${enclosed(operands[n + k])}`);
    return listed(operands[2 * n] === "0.0" ? terms : [...terms, enclosed(operands[2 * n])], " + ");
  }
  if (key === "sum") return listed(operands.map(enclosed), " + ");
  const name = graph.operation(node);
  const sign = key === "mul" ? times : (INFIX.get(name)?.[0] ?? graph.head.rows[key]?.symbol);
  if (operands.length === 2 && sign) return `${enclosed(operands[0])} ${sign} ${enclosed(operands[1])}`;
  if (key === "neg") return `−${enclosed(operands[0])}`;
  return `${name}(${listed(operands, ", ")})`;
}

/** The gradient of a node, and what each of its operands gains. */
export function backward(graph: Graph, node: number): string[] {
  const root = graph.label(graph.root);
  const own = `∂${root}/∂${graph.label(node)} = ${shown(graph.grad[node])}`;
  if (graph.grad[node] === 0) return [`${own}: nothing to pass on`];
  const inputs = graph.inputs(node);
  const gains = graph.gains(node, graph.grad[node]);
  const terms = [...inputs.keys()].filter((k) => inputs[k] >= 0);
  const lines = terms.slice(0, FEW).map((k) => {
    const gained = equation([...texts(graph, node, k), shown(gains[k])]);
    return `∂${root}/∂${graph.label(inputs[k])} += ${gained}`;
  });
  const more = terms.length - FEW;
  return [own, ...lines, ...(more > 0 ? [`and ${more.toLocaleString("en")} more`] : [])];
}

/** In symbols and in numbers, what operand k of a node gains. */
function texts(graph: Graph, node: number, k: number): [string, string] {
  const g = `∂${graph.label(graph.root)}/∂${graph.label(node)}`;
  const inputs = Array.from(graph.inputs(node));
  const key = graph.key(node);
  if (key === "dot") return ofDot(graph, g, graph.grad[node], inputs, k);
  if (key === "sum") return [g, shown(graph.grad[node])];
  const names = inputs.map((x) => graph.label(x));
  const long: [string, string] = [`${g} · ${graph.operation(node)}′(${listed(names, ", ")})`, ""];
  const row = graph.head.rows[key];
  if (!row?.derivative) return long;
  const symbols = { g, z: graph.label(node), ...environment(row, names) };
  const numbers = { g: graph.grad[node], z: graph.data[node], ...environment(row, graph.numbers(node)) };
  const values: any[] = [];
  graph.run(row.derivative, numbers, values);
  const text = (numeric: boolean): string =>
    show(row.derivative!, row.derivative!.out[k], 0, numeric, { symbols, numbers, values });
  if (text(false) === "0") return ["", ""];
  return text(false).length > LONG ? long : [text(false), text(true)];
}

function ofDot(graph: Graph, g: string, gradient: number, inputs: number[], k: number): [string, string] {
  const n = inputs.length >> 1;
  if (k === 2 * n) return [g, shown(gradient)];
  const other = inputs[k < n ? k + n : k - n];
  const numbers = `${enclosed(shown(gradient))} × ${enclosed(shown(graph.number(other)))}`;
  return [`${g} · ${graph.label(other)}`, numbers];
}

interface Known {
  symbols: Record<string, string>;
  numbers: Record<string, number>;
  values: any[];
}

/** A part of a program, in parentheses where what is around it holds tighter. */
function show(program: Program, x: Operand, around: number, numeric: boolean, known: Known): string {
  if (typeof x === "string" && !numeric) return known.symbols[x];
  if (typeof x !== "number") {
    const text = typeof x === "string" ? shown(known.numbers[x]) : written(x[0]);
    return around ? enclosed(text) : text;
  }
  const [key, ...operands] = program.lines[x];
  const part = (y: Operand, tightness: number): string => show(program, y, tightness, numeric, known);
  if (key === "where") {
    const c = operands[0];
    const holds = typeof c === "number" ? known.values[c] : typeof c === "string" ? known.numbers[c] : c[0];
    return part(operands[holds ? 1 : 2], around); // the branch that was taken
  }
  if (key === "neg") return tight(`−${part(operands[0], TIGHT)}`, TIGHT, around);
  const infix = INFIX.get(key);
  if (!infix) return `${named(key)}(${operands.map((y) => part(y, 0)).join(", ")})`;
  const [left, right] = operands.map((y, k) => part(y, infix[1] + k));
  const sign = key === "mul" && numeric ? "×" : infix[0];
  return tight(`${left} ${sign} ${right}`, infix[1], around);
}

function written(x: number | string): string {
  if (typeof x === "string") return x.replace("-", "−");
  return Number.isInteger(x) ? String(x).replace("-", "−") : shown(x);
}
