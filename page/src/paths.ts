// How a value reaches the output: what each of its readers adds, and the paths that add most.
import { Graph } from "./graph";

export interface Path {
  nodes: number[];
  slopes: number[]; // the local derivative of each step
  product: number;
}
export interface Share {
  through: string;
  count: number;
  sum: number;
}

/** What each reader of a value, or block of readers, adds to its gradient: the chain rule itself. */
export function shares(graph: Graph, value: number, called: (node: number) => string): Share[] {
  const all = new Map<string, Share>();
  for (let node = Math.max(value + 1, graph.leaves); node < graph.size; node++) {
    const inputs = graph.inputs(node);
    if (!inputs.includes(value)) continue;
    let sum = 0;
    if (graph.grad[node] !== 0) {
      const gains = graph.gains(node, graph.grad[node]);
      inputs.forEach((x, k) => (sum += x === value ? gains[k] : 0));
    }
    const through = called(node);
    const known = all.get(through);
    if (known) {
      known.count++;
      known.sum += sum;
    } else all.set(through, { through, count: 1, sum });
  }
  return [...all.values()];
}

interface Partial {
  size: number; // of the product, without its sign
  next: number;
  rank: number; // of the path at the next node
  slope: number;
}

/** The number of paths from a value to the output, and the `most` with the largest products. */
export function paths(graph: Graph, value: number, most: number): { count: number; top: Path[] } {
  const readers = readersBetween(graph, value);
  const count = new Map([[graph.root, 1]]);
  const best = new Map<number, Partial[]>([[graph.root, [{ size: 1, next: -1, rank: 0, slope: 1 }]]]);
  for (let node = graph.root - 1; node >= value; node--) {
    const known = readers.get(node);
    if (!known) continue;
    const all: Partial[] = [];
    let total = 0;
    for (const [reader, slope] of known) {
      total += count.get(reader) ?? 0;
      (best.get(reader) ?? []).forEach(({ size }, rank) =>
        all.push({ size: size * Math.abs(slope), next: reader, rank, slope }),
      );
    }
    all.sort((a, b) => b.size - a.size);
    count.set(node, total);
    best.set(node, all.slice(0, most));
  }
  const top = (best.get(value) ?? []).map((_, rank) => followed(graph, value, rank, best));
  return { count: count.get(value) ?? 0, top };
}

/** For each node between a value and the output: what reads it, with the local derivative. */
function readersBetween(graph: Graph, value: number): Map<number, [number, number][]> {
  const readers = new Map<number, [number, number][]>();
  const reached = new Uint8Array(graph.size);
  reached[value] = 1;
  for (let node = Math.max(value + 1, graph.leaves); node <= graph.root; node++) {
    const inputs = graph.inputs(node);
    if (!inputs.some((x) => x >= 0 && reached[x])) continue;
    reached[node] = 1;
    const slopes = graph.gains(node, 1);
    inputs.forEach((x, k) => {
      if (x < 0 || !reached[x]) return;
      const known = readers.get(x);
      if (known) known.push([node, slopes[k]]);
      else readers.set(x, [[node, slopes[k]]]);
    });
  }
  return readers;
}

function followed(graph: Graph, value: number, rank: number, best: Map<number, Partial[]>): Path {
  const path: Path = { nodes: [value], slopes: [], product: 1 };
  for (let node = value; node !== graph.root; ) {
    const step = best.get(node)![rank];
    path.nodes.push(step.next);
    path.slopes.push(step.slope);
    path.product *= step.slope;
    node = step.next;
    rank = step.rank;
  }
  return path;
}
