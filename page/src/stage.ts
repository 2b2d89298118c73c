// The stage: boxes and arrows as SVG, and which of them are marked.
import { cut, html, svg } from "./dom";
import { Arrow, Fold, Item, Visible } from "./fold";
import { Graph, shown } from "./graph";
import { Placed, Point, place } from "./placement";
import { heading } from "./working";

const LETTER = 7.4;
const LINE = 15;
const MARGIN = 12;
const TIP = 4;
const FEW_ARROWS = 8; // into one box, whose labels have room
const SMALLEST = 0.75; // the scale below which the stage scrolls instead
const LARGEST = 1.15;
const WHOLE = 0.1; // the scale below which even a graph that is fitted whole scrolls

/** The numbers that boxes show at a step: all, or those that are known by then. */
export interface Numbers {
  data(node: number): number | undefined;
  grad(node: number): number | undefined;
}

export interface Drawn {
  item: Item;
  element: SVGGElement;
  numbers: SVGTextElement[];
}

export class Stage {
  readonly element = html("main", { "aria-label": "the graph" });
  visible!: Visible;
  private readonly drawn = new Map<string, Drawn>();
  private lines: { arrow: Arrow; path: SVGPathElement }[] = [];
  private slopes: { arrow: Arrow; text: SVGTextElement }[] = [];
  private zoom = 0; // 0: as it fits
  private smallest = SMALLEST;
  private scale = 1;
  private vertical = false;

  constructor(
    private readonly graph: Graph,
    private readonly fold: Fold,
    private readonly chosen: (id: string, open: boolean) => void,
  ) {
    this.element.addEventListener("click", (event) => {
      const box = (event.target as Element).closest(".box");
      this.chosen(box?.getAttribute("data-id") ?? "", true);
    });
  }

  /** Larger or smaller by a factor; by 0, the whole graph in the window. */
  zoomBy(factor: number): void {
    this.zoom = factor ? (this.zoom || this.scale) * factor : 0;
    this.smallest = factor ? SMALLEST : WHOLE;
  }

  draw(numbers: Numbers): void {
    this.visible = this.fold.visible();
    const placed = this.placed();
    const [w, h] = this.vertical ? [placed.height, placed.width] : [placed.width, placed.height];
    const [width, height] = [w + 2 * MARGIN, h + 2 * MARGIN];
    this.scale = this.zoom || Math.max(this.fit(placed), this.smallest);
    const picture = svg("svg", {
      width: width * this.scale, height: height * this.scale,
      viewBox: `${-MARGIN} ${-MARGIN} ${width} ${height}`, role: "group",
      "aria-label": `graph of ${this.graph.size.toLocaleString("en")} scalars in ${this.visible.items.size} boxes`,
    });
    const items = [...this.visible.items.values()];
    const labelled = this.labelled();
    picture.append(...this.arrowElements(placed));
    this.drawn.clear();
    items.forEach((item, k) => {
      const size = this.size(item, labelled.get(item.id) ?? 0);
      const drawn = this.box(item, this.turned(placed.boxes[k]), size);
      this.drawn.set(item.id, drawn);
      picture.append(drawn.element);
    });
    picture.append(...this.labels(placed, labelled));
    picture.querySelector(".box")?.setAttribute("tabindex", "0");
    this.element.replaceChildren(picture);
    this.show(numbers);
  }

  /** From left to right; if that is too wide, from top to bottom where that is larger. */
  private placed(): Placed {
    this.vertical = false;
    const across = this.place();
    const fitted = this.fit(across);
    if (fitted >= SMALLEST) return across;
    this.vertical = true;
    const down = this.place();
    if (this.fit(down) > fitted) return down;
    this.vertical = false;
    return across;
  }

  private place(): Placed {
    const items = [...this.visible.items.values()];
    const number = new Map(items.map((item, k) => [item.id, k]));
    const labelled = this.labelled();
    const sizes = items.map((item): Point => this.turned(this.size(item, labelled.get(item.id) ?? 0)));
    const arrows = this.visible.arrows.map((a): Point => [number.get(a.from)!, number.get(a.to)!]);
    const gap: Point = this.vertical ? [34, 16] : [40, 14];
    return place(sizes, arrows, labelled.size ? [this.vertical ? 44 : 64, gap[1]] : gap);
  }

  private turned([x, y]: Point): Point {
    return this.vertical ? [y, x] : [x, y];
  }

  private fit(placed: Placed): number {
    const [w, h] = this.turned([placed.width, placed.height]);
    const { clientWidth, clientHeight } = this.element;
    return Math.min(LARGEST, (clientWidth - 4) / (w + 2 * MARGIN), (clientHeight - 4) / (h + 2 * MARGIN));
  }

  /** How many arrows with a label enter each box. */
  private labelled(): Map<string, number> {
    const count = new Map<string, number>();
    for (const { to, reader } of this.visible.arrows) if (reader >= 0) count.set(to, (count.get(to) ?? 0) + 1);
    return count;
  }

  private size(item: Item, labels: number): Point {
    const longest = item.kind === "scalar" || item.kind === "product" ? 8 : 17;
    const width = Math.max(96, LETTER * Math.max(longest, this.title(item).length + 2) + 18);
    const labelled = labels <= FEW_ARROWS ? labels : 0;
    if (this.vertical) return [Math.max(width, 54 * labelled), 3 * LINE + 9];
    return [width, Math.max(3 * LINE + 9, LINE * (labelled + 1))];
  }

  title(item: Item): string {
    if (item.kind === "group") return this.graph.head.groups![item.group];
    if (item.kind === "rest") return `… ${item.count.toLocaleString("en")} more`;
    if (item.kind === "product") return "·";
    if (item.kind === "member") return `${heading(this.graph, item.node)} #${item.place + 1}`;
    if (this.fold.isOpen(item.id)) return heading(this.graph, item.node).replace(/dot$/, "+");
    return heading(this.graph, item.node);
  }

  private box(item: Item, [x, y]: Point, [w, h]: Point): Drawn {
    const leaf = this.graph.isLeaf(item.node);
    const round = item.kind === "scalar" && !leaf ? 20 : item.kind === "product" ? 20 : 6;
    const classes = ["box", item.kind, leaf ? "leaf" : "", item.node === this.graph.root ? "root" : ""];
    const top = (h - 3 * LINE) / 2 + LINE - 3.5;
    const line = (k: number, name: string, text: string): SVGTextElement =>
      svg("text", { x: w / 2, y: top + k * LINE, class: name }, text);
    const more = this.fold.canOpen(item) && !this.fold.isOpen(item.id) ? " ⊞" : "";
    const numbers = [line(1, "number", ""), line(2, "number grad", "")];
    const element = svg(
      "g",
      { class: classes.join(" ").trim(), role: "button", tabindex: -1, transform: `translate(${x},${y})`, "data-id": item.id },
      svg("rect", { width: w, height: h, rx: round }),
      line(0, "title", this.title(item) + more),
      ...numbers,
    );
    return { item, element, numbers };
  }

  private arrowElements(placed: Placed): SVGElement[] {
    this.lines = [];
    return this.visible.arrows.flatMap((arrow, k) => {
      const points = placed.arrows[k].map((point) => this.turned(point));
      const width = Math.min(1.3 + 0.8 * Math.log10(arrow.count), 5);
      const path = svg("path", { class: "arrow", d: this.curve(points), "stroke-width": width });
      this.lines.push({ arrow, path });
      const [x, y] = points[points.length - 1];
      const tip = this.vertical
        ? `M${x - TIP},${y - 2 * TIP}L${x},${y}L${x + TIP},${y - 2 * TIP}z`
        : `M${x - 2 * TIP},${y - TIP}L${x},${y}L${x - 2 * TIP},${y + TIP}z`;
      return [path, svg("path", { class: "tip", d: tip })];
    });
  }

  private curve(points: Point[]): string {
    const [[x, y], ...others] = points;
    let [x0, y0] = [x, y];
    const segments = others.map(([x1, y1]) => {
      const [mx, my] = [(x0 + x1) / 2, (y0 + y1) / 2];
      const middle = this.vertical ? `${x0},${my} ${x1},${my}` : `${mx},${y0} ${mx},${y1}`;
      [x0, y0] = [x1, y1];
      return `C${middle} ${x1},${y1}`;
    });
    return `M${x},${y}${segments.join("")}`;
  }

  /** The local derivatives, beside the heads of the arrows. */
  private labels(placed: Placed, labelled: Map<string, number>): SVGElement[] {
    this.slopes = this.visible.arrows.flatMap((arrow, k) => {
      if (arrow.reader < 0 || labelled.get(arrow.to)! > FEW_ARROWS) return [];
      const [x, y] = this.turned(placed.arrows[k][placed.arrows[k].length - 1]);
      const where = this.vertical
        ? { x, y: y - 2 * TIP - 4, "text-anchor": "middle" }
        : { x: x - TIP - 5, y: y - 3, "text-anchor": "end" };
      return [{ arrow, text: svg("text", { class: "slope", ...where }) }];
    });
    return this.slopes.map(({ text }) => text);
  }

  /** Writes the numbers into the boxes, and beside the arrows. */
  show(numbers: Numbers): void {
    for (const { arrow: { reader, slot }, text } of this.slopes) {
      const known = numbers.data(reader) !== undefined;
      text.textContent = known ? `×${shown(this.graph.gains(reader, 1)[slot], 3)}` : "";
    }
    for (const { item, element, numbers: [data, grad] } of this.drawn.values()) {
      const d = this.range(item, numbers, "data");
      const g = this.range(item, numbers, "grad");
      data.textContent = d;
      grad.textContent = `∂ ${g}`;
      const opens = this.fold.canOpen(item) ? (this.fold.isOpen(item.id) ? ", open" : ", closed: Enter opens") : "";
      element.setAttribute("aria-label", `${this.title(item)}, data ${d}, gradient ${g}${opens}`);
    }
  }

  private range(item: Item, numbers: Numbers, which: "data" | "grad"): string {
    if (item.kind === "product" || !item.nodes.length) return this.ofProduct(item, numbers, which);
    const nodes = item.kind === "member" ? [item.node] : item.nodes;
    let [low, high, known] = [Infinity, -Infinity, false];
    for (const node of nodes) {
      const x = numbers[which](node);
      if (x === undefined) continue;
      known = true;
      if (!(x >= low)) low = x;
      if (!(x <= high)) high = x;
    }
    if (!known) return "…";
    if (nodes.length === 1) return shown(low);
    return low === high ? shown(low, 3) : `${shown(low, 3)} … ${shown(high, 3)}`;
  }

  private ofProduct(item: Item, numbers: Numbers, which: "data" | "grad"): string {
    if (item.kind === "rest") return "…";
    const inputs = this.graph.inputs(item.node);
    const x = which === "grad" ? numbers.grad(item.node)
      : this.graph.number(inputs[item.place]) * this.graph.number(inputs[item.place + (inputs.length >> 1)]);
    return x === undefined || (which === "data" && numbers.data(item.node) === undefined) ? "…" : shown(x);
  }

  /** Marks the box of a step, and its arrows; and the boxes of a path. */
  mark(now: string, backwards: boolean, picked: string, path: Set<number>): void {
    for (const [id, { element }] of this.drawn) {
      element.classList.toggle("now", id === now);
      element.classList.toggle("backwards", id === now && backwards);
      element.classList.toggle("picked", id === picked);
    }
    for (const { arrow, path: line } of this.lines) {
      const ends = [arrow.from, arrow.to].map((id) => this.visible.items.get(id)!);
      const onPath = ends.every((item) => item.kind === "scalar" && path.has(item.node));
      line.classList.toggle("now", arrow.to === now);
      line.classList.toggle("backwards", arrow.to === now && backwards);
      line.classList.toggle("path", onPath);
    }
    this.drawn.get(now)?.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Scrolls to the first box, where the graph is larger than the window. */
  toFirst(): void {
    const [first] = this.drawn.values();
    const [box, stage] = [first.element, this.element].map((x) => x.getBoundingClientRect());
    this.element.scrollLeft = box.left - stage.left - MARGIN;
    this.element.scrollTop = (box.top + box.bottom) / 2 - (stage.top + stage.bottom) / 2;
  }

  /** Moves the focus into the graph: to the box where it was, or to the first. */
  enter(): void {
    const box = this.element.querySelector<SVGGElement>('.box[tabindex="0"]');
    this.focus(box?.getAttribute("data-id") ?? "");
  }

  focus(id: string): void {
    const box = this.drawn.get(id)?.element;
    if (!box) return;
    for (const { element } of this.drawn.values()) element.setAttribute("tabindex", "-1");
    box.setAttribute("tabindex", "0");
    box.focus();
    box.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Moves the focus to the next box, or to the one before. */
  moveFocus(from: string, by: number): void {
    const ids = [...this.drawn.keys()];
    this.focus(ids[(ids.indexOf(from) + by + ids.length) % ids.length]);
  }

  /** The title as it is written in a sentence. */
  called(item: Item): string {
    return cut(this.title(item), 60);
  }
}
