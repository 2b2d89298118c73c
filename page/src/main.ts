// The page: reads the graph that was saved in it, and follows mouse and keyboard.
import { button, html, icon } from "./dom";
import { Fold } from "./fold";
import { Graph, Head, decode } from "./graph";
import { Panel } from "./panel";
import { Stage } from "./stage";
import { Steps } from "./steps";

const PACE = 900; // milliseconds of a step

class Page {
  private readonly fold: Fold;
  private readonly stage: Stage;
  private readonly panel: Panel;
  readonly steps: Steps;
  private readonly where = html("span", { class: "where" });
  private readonly opened = html("div", { class: "opened" });
  private readonly player = button("play or stop (Space)", () => this.play(), "play");
  private picked = "";
  private timer = 0;
  private waiting = 0;

  constructor(readonly graph: Graph) {
    this.fold = new Fold(graph);
    this.steps = new Steps(graph);
    this.stage = new Stage(graph, this.fold, (id, open) => this.choose(id, open));
    this.panel = new Panel(graph, this.fold, () => this.refresh(), (id, by) => this.refold(id, by));
    document.getElementById("app")!.append(this.header(), this.stage.element, this.panel.element);
    document.addEventListener("keydown", (event) => this.key(event));
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) this.draw();
      width = innerWidth;
    });
    this.draw();
    this.stage.toFirst();
  }

  private header(): HTMLElement {
    const go = (label: string, name: string, to: () => number): HTMLElement =>
      button(label, () => this.go(to()), name);
    const zoom = (label: string, name: string, factor: number): HTMLElement =>
      button(label, () => { this.stage.zoomBy(factor); this.draw(); }, name);
    return html(
      "header", {}, html("h1", {}, this.graph.head.title || "A graph of scalars"),
      html(
        "div", { class: "row" },
        go("to the start (Home)", "first", () => 0),
        go("one step back (←)", "back", () => this.steps.at - 1),
        this.player,
        go("one step on (→)", "on", () => this.steps.at + 1),
        go("to the end (End)", "last", () => this.steps.count),
        this.where,
        zoom("larger", "larger", 1.25), zoom("smaller", "smaller", 0.8), zoom("fit into the window", "fit", 0),
      ),
      this.opened,
    );
  }

  /** Lays the graph out anew, after something was opened or closed. */
  private draw(): void {
    this.steps.set(this.fold.visible());
    this.stage.draw(this.steps.numbers);
    const close = (id: string): HTMLElement => button(`Fold ${this.fold.title(id)}`, () => this.refold(id, 0));
    this.opened.replaceChildren(...this.fold.opened().map(close));
    this.show();
  }

  private show(): void {
    const { steps, stage } = this;
    this.where.textContent = steps.at ? `${steps.at} of ${steps.count}` : `${steps.count} steps`;
    const item = stage.visible.items.get(this.picked);
    const path = this.panel.describe(item, item ? stage.called(item) : "");
    stage.show(steps.numbers);
    stage.mark(steps.current?.id ?? "", steps.isBackward, this.picked, path);
    const { headline, lines, source } = steps.text((x) => stage.called(x));
    this.panel.tell(headline, lines, source);
  }

  /** Shows new numbers, at most once a frame. */
  private refresh(): void {
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      this.steps.go(this.steps.at);
      this.show();
    });
  }

  private go(to: number): void {
    this.steps.go(to);
    this.show();
  }

  private choose(id: string, open: boolean): void {
    const item = this.stage.visible.items.get(id);
    if (!item) {
      this.picked = "";
      return this.show();
    }
    const again = this.picked === id || item.kind === "group";
    this.picked = id;
    if (open && again && this.fold.canOpen(item)) {
      this.fold.toggle(id);
      this.draw();
    } else this.show();
    this.stage.focus(id);
  }

  /** Folds what is open, or moves its window. */
  private refold(id: string, by: number): void {
    if (by) this.fold.move(id, by);
    else this.fold.close(id);
    this.draw();
    this.stage.focus(id);
  }

  private play(): void {
    const stop = this.timer !== 0;
    clearInterval(this.timer);
    this.timer = 0;
    this.player.replaceChildren(icon(stop ? "play" : "pause"));
    if (stop) return;
    if (this.steps.at >= this.steps.count) this.go(0);
    this.timer = window.setInterval(() => {
      if (this.steps.at >= this.steps.count) this.play();
      else this.go(this.steps.at + 1);
    }, PACE);
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as Element;
    if (target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = target.closest(".box")?.getAttribute("data-id") ?? "";
    const aside = target.closest("aside") !== null;
    const inside = this.stage.visible.items.get(box || this.picked)?.inside;
    const actions: Record<string, (() => void) | undefined> = {
      ArrowRight: () => this.go(this.steps.at + 1),
      ArrowLeft: () => this.go(this.steps.at - 1),
      Home: () => this.go(0),
      End: () => this.go(this.steps.count),
      " ": target.tagName === "BUTTON" ? undefined : () => (box ? this.choose(box, true) : this.play()),
      Enter: box ? () => this.choose(box, true) : undefined,
      ArrowDown: box ? () => this.stage.moveFocus(box, 1) : aside ? undefined : () => this.stage.enter(),
      ArrowUp: box ? () => this.stage.moveFocus(box, -1) : aside ? undefined : () => this.stage.enter(),
      Escape: () => this.choose("", false),
      Backspace: inside ? () => this.refold(inside, 0) : undefined,
      "[": inside ? () => this.refold(inside, -1) : undefined,
      "]": inside ? () => this.refold(inside, 1) : undefined,
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

/** Gradients by the chain rule, unless those that were saved are the same up to rounding. */
function differentiate(graph: Graph): void {
  graph.backward();
  const near = (x: number, y: number): boolean =>
    Object.is(x, y) || Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y), 1e-9);
  if (graph.grad.every((x, node) => near(x, graph.saved.grad[node]))) graph.grad.set(graph.saved.grad);
  else graph.saved.grad.set(graph.grad);
}

async function start(): Promise<void> {
  const text = (id: string): string => document.getElementById(id)!.textContent!;
  const head: Head = JSON.parse(text("head"));
  const graph = new Graph(head, await decode(text("numbers")));
  differentiate(graph);
  const page = new Page(graph);
  Object.assign(window, { micrograd: { graph, page } });
}

void start();
