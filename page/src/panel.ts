// The panel beside the graph: the step, the chosen value and its paths, sliders for leaves.
import { button, cut, html } from "./dom";
import { Fold, Item } from "./fold";
import { Graph, shown } from "./graph";
import { paths, shares, Path } from "./paths";
import { heading } from "./working";

const SLIDERS = 12;
const PATHS = 5; // at first
const PATHS_TIMES_NODES = 4e6; // each node keeps the best paths from it

export class Panel {
  readonly element = html("aside", { "aria-label": "what happens" });
  private readonly step = html("div", { id: "step" });
  private readonly spoken = html("div", { class: "spoken", "aria-live": "polite" });
  private readonly detail = html("div", { id: "chosen" });
  private readonly sliders = html("div", { id: "leaves" });
  private readonly shownLeaves = new Set<number>();

  constructor(
    private readonly graph: Graph,
    private readonly fold: Fold,
    private readonly changed: () => void,
    private readonly refold: (id: string, by: number) => void,
  ) {
    const title = (text: string): HTMLElement => html("h2", {}, text);
    this.element.append(title("Step"), this.step, this.spoken, title("Chosen"), this.detail);
    this.element.append(title("Leaves"), this.sliders);
    this.reset();
  }

  tell(headline: string, lines: string[], source: string): void {
    const parts = lines.map((line) => html("div", { class: "math" }, line));
    const from = source ? [html("div", { class: "source" }, source)] : [];
    this.step.replaceChildren(...(headline ? [html("b", {}, headline)] : []), ...parts, ...from);
    this.spoken.textContent = [headline, ...lines].filter((line) => line).join(". ");
  }

  /** Describes a box; returns the nodes of the path that contributes most. */
  describe(item: Item | undefined, title: string): Set<number> {
    if (!item) {
      this.detail.replaceChildren("Click a box, or move to it with ↓ and press Enter.");
      return new Set();
    }
    const single = item.kind === "scalar";
    const parts: (Node | string)[] = [html("div", { class: "math" }, title)];
    let best: Path[] = [];
    if (single) {
      parts.push(html("div", { class: "name" }, this.facts(item.node)));
      if (item.node !== this.graph.root) best = this.pathTables(item.node, parts);
      if (this.graph.isLeaf(item.node)) this.addSlider(item.node);
    }
    if (item.inside) parts.push(...this.inside(item.inside));
    this.detail.replaceChildren(...parts);
    return new Set(best[0]?.nodes);
  }

  private facts(node: number): string {
    const { graph } = this;
    const numbers = `data ${shown(graph.data[node], 6)}, gradient ${shown(graph.grad[node], 6)}`;
    return `${graph.name(node)}: ${numbers}`;
  }

  private pathTables(node: number, parts: (Node | string)[]): Path[] {
    const { graph } = this;
    const { count, top } = paths(graph, node, PATHS);
    const many = count < 1e15 ? count.toLocaleString("en") : count.toPrecision(3);
    parts.push(html("div", {}, count === 1 ? "1 path to the output." : `${many} paths to the output: what they contribute adds up to the gradient.`));
    const called = (reader: number): string =>
      graph.group && this.many(graph.group[reader]) ? graph.head.groups![graph.group[reader]] : heading(graph, reader);
    const through = shares(graph, node, called).map(({ through, count: n, sum }): [string, number] => [
      n > 1 ? `${n.toLocaleString("en")} × into ${through}` : `into ${through}`, sum,
    ]);
    parts.push(table("read by", [...through, ["gradient", graph.grad[node]]]));
    const list = html("div");
    this.listPaths(list, node, count, top);
    parts.push(list);
    return top;
  }

  /** The largest paths, and a button that lists more of them, until all are there. */
  private listPaths(list: HTMLElement, node: number, count: number, top: Path[]): void {
    const rows = top.map((path): [string, number] => [this.path(path), path.product]);
    const whole = count <= top.length;
    if (whole) list.replaceChildren(table("path by path", rows));
    else {
      const rest = this.graph.grad[node] - top.reduce((sum, path) => sum + path.product, 0);
      list.replaceChildren(table(`the ${top.length.toLocaleString("en")} largest paths`, [...rows, ["all others", rest]]));
    }
    const most = Math.min(4 * top.length, count, Math.floor(PATHS_TIMES_NODES / this.graph.size));
    if (most <= top.length) return;
    list.append(button(`Show ${(most - top.length).toLocaleString("en")} more`, () =>
      this.listPaths(list, node, count, paths(this.graph, node, most).top),
    ));
  }

  private many(group: number): boolean {
    return /^[\d,]+ × /.test(this.graph.head.groups![group]);
  }

  /** A path in few words: equal steps that follow each other are counted. */
  private path(path: Path): string {
    const steps = path.slopes.map((slope, k) => {
      const text = heading(this.graph, path.nodes[k + 1]);
      return slope === 1 ? text : `${text} (×${shown(slope, 3)})`;
    });
    const told: [string, number][] = [];
    for (const step of steps) {
      const last = told[told.length - 1];
      if (last?.[0] === step) last[1]++;
      else told.push([step, 1]);
    }
    const words = told.map(([step, n]) => (n > 1 ? `${step}, ${n} times` : step));
    return (words.length > 12 ? [...words.slice(0, 8), "…", ...words.slice(-3)] : words).join(" → ");
  }

  private inside(id: string): (Node | string)[] {
    const move = (label: string, by: number): HTMLElement => button(label, () => this.refold(id, by));
    const buttons = html("div", { class: "row" }, move("Fold", 0), move("Before", -1), move("After", 1));
    return [html("div", {}, `Part of ${this.fold.title(id)}:`), buttons];
  }

  /** Sliders for the first leaves, at the numbers that were saved. */
  reset(): void {
    this.sliders.replaceChildren();
    this.shownLeaves.clear();
    if (!this.graph.evaluable) {
      this.sliders.append("An operation of this graph is no formula, so the page cannot evaluate it.");
      return;
    }
    if (this.graph.head.keys.includes("where"))
      this.sliders.append(html("div", { class: "source" }, "A choice of where stays as Python made it: its condition is not in the graph."));
    for (let leaf = 0; leaf < Math.min(this.graph.leaves, SLIDERS); leaf++) this.addSlider(leaf);
    if (this.graph.leaves > SLIDERS) {
      const more = (this.graph.leaves - SLIDERS).toLocaleString("en");
      this.sliders.append(html("div", { class: "source" }, `and ${more} more: choose one in the graph`));
    }
    this.sliders.append(button("Reset the leaves", () => {
      this.graph.reset();
      this.reset();
      this.changed();
    }));
  }

  private addSlider(leaf: number): void {
    if (this.shownLeaves.has(leaf) || !this.graph.evaluable) return;
    this.shownLeaves.add(leaf);
    const saved = this.graph.saved.data[leaf];
    if (!Number.isFinite(saved)) return;
    const reach = Math.max(2, 2 * Math.abs(saved));
    const id = `leaf${leaf}`;
    const number = html("output", { for: id, class: "math" }, shown(this.graph.data[leaf]));
    const slider = html("input", { id, type: "range", min: saved - reach, max: saved + reach, step: "any" });
    slider.value = String(this.graph.data[leaf]);
    slider.addEventListener("input", () => {
      this.graph.data[leaf] = Number(slider.value);
      number.textContent = shown(this.graph.data[leaf]);
      this.graph.forward();
      this.graph.backward();
      this.changed();
    });
    const label = html("label", { for: id, title: cut(this.graph.name(leaf), 200) }, ...breakable(this.graph.label(leaf)));
    const row = html("div", { class: "slider" }, label, slider, number);
    if (leaf < SLIDERS) this.sliders.append(row);
    else this.sliders.prepend(row);
  }
}

/** A name that may go on in a new line after a dot, and before a bracket. */
const breakable = (name: string): (Node | string)[] =>
  name.split(/(?<=\.)|(?=\[)/).flatMap((part, k) => (k ? [html("wbr"), part] : [part]));

function table(title: string, rows: [string, number][]): HTMLElement {
  const head = html("tr", {}, html("th", { scope: "col" }, title), html("th", { scope: "col", class: "number" }, "adds"));
  const row = ([name, x]: [string, number]): HTMLElement =>
    html("tr", {}, html("td", {}, name), html("td", { class: "number" }, shown(x)));
  return html("table", {}, head, ...rows.map(row));
}
