// The steps: forward and backward, one visible operation at a time.
import { Item, Visible } from "./fold";
import { Graph, shown } from "./graph";
import { backward, forward } from "./working";
import { Numbers } from "./stage";

/** A step, and what is known by then. Step 0 shows all that was saved. */
export class Steps {
  at = 0;
  private order: Item[] = [];
  private rank = new Map<number, number>(); // of each node: the place of its box in the order
  private readonly partial: Float64Array; // the gradients so far

  constructor(private readonly graph: Graph) {
    this.partial = new Float64Array(graph.size);
  }

  /** The operations that are visible now. */
  set(visible: Visible): void {
    const now = this.current;
    const last = (item: Item): number => item.nodes[item.nodes.length - 1];
    this.order = [...visible.items.values()]
      .filter((item) => item.nodes.length && !this.graph.isLeaf(last(item)))
      .sort((a, b) => last(a) - last(b));
    this.rank = new Map(this.order.flatMap((item, k) => item.nodes.map((node) => [node, k])));
    if (now) this.at = Math.min(this.at, 2 * this.order.length);
    this.go(this.at);
  }

  get count(): number {
    return 2 * this.order.length;
  }

  get isBackward(): boolean {
    return this.at > this.order.length;
  }

  get current(): Item | undefined {
    const n = this.order.length;
    return this.at ? this.order[this.isBackward ? 2 * n - this.at : this.at - 1] : undefined;
  }

  go(at: number): void {
    this.at = Math.max(0, Math.min(at, this.count));
    if (this.isBackward) this.accumulate(2 * this.order.length - this.at);
  }

  /** The gradients when the boxes from place `first` on have passed theirs on. */
  private accumulate(first: number): void {
    const { graph, partial } = this;
    partial.fill(0);
    partial[graph.root] = 1;
    for (let node = graph.root; node >= graph.leaves; node--) {
      if (partial[node] === 0 || (this.rank.get(node) ?? -1) < first) continue;
      graph.passOn(node, partial);
    }
  }

  get numbers(): Numbers {
    const { graph, at, rank, partial } = this;
    if (!at || at === this.count) return { data: (node) => graph.data[node], grad: (node) => graph.grad[node] };
    const computed = (node: number): boolean => graph.isLeaf(node) || this.isBackward || (rank.get(node) ?? 0) < at;
    return {
      data: (node) => (computed(node) ? graph.data[node] : undefined),
      grad: (node) => (this.isBackward ? partial[node] : undefined),
    };
  }

  /** Where we are, in words, and the arithmetic of the step. */
  text(called: (item: Item) => string): { headline: string; lines: string[]; source: string } {
    const item = this.current;
    const n = this.order.length;
    if (!item) return { headline: "", lines: ["Press → for the first operation."], source: "" };
    const headline = this.isBackward ? `Backward, ${this.at - n} of ${n}` : `Forward, ${this.at} of ${n}`;
    const single = item.kind === "scalar";
    const source = single ? (this.graph.head.lines[item.node] ?? "") : "";
    if (single) {
      const lines = this.isBackward ? backward(this.graph, item.node) : [forward(this.graph, item.node)];
      return { headline, lines, source };
    }
    const array = this.isBackward ? this.graph.grad : this.graph.data;
    const numbers = item.nodes.map((node) => array[node]);
    const [low, high] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
    const what = this.isBackward ? "gradients" : "values";
    return { headline, lines: [called(item), `${what} ${shown(low)} … ${shown(high)}`], source };
  }
}
