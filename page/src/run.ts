// A training run: the curves, the decision surface and the weights, epoch by epoch.
import { button, html, icon, svg } from "./dom";
import { shown } from "./graph";

interface Frame {
  epoch: number;
  loss: number | null;
  validation: number | null;
  score: number | null;
  metric: string;
  weights: string;
  surface?: string;
}
interface Run {
  title: string;
  arrays: [string, number, number][]; // name, size, columns of a matrix
  classes: number; // 0: the surface and the points have shades, else each the number of a class
  points: number[][];
  extent: [number, number, number, number] | null;
  side: number;
  live: boolean;
  frames: Frame[];
}

const COLOURS = [[51, 102, 204], [220, 125, 30], [46, 158, 91], [184, 53, 47], [122, 82, 168], [138, 102, 66]];
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [460, 260, 52, 26];
const PACE = 120; // milliseconds of an epoch
const ASK = 500; // milliseconds between questions for more frames
const MOST_COLUMNS = 64;

type Colour = readonly number[];

const of = (number: number): Colour => COLOURS[number % COLOURS.length];
const mixed = (from: Colour, to: Colour, share: number): Colour => from.map((c, k) => c + (to[k] - c) * share);
const css = (colour: Colour): string => `rgb(${colour.map(Math.round).join()})`;
const dark = (): boolean => matchMedia("(prefers-color-scheme: dark)").matches;

const bytes = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

class View {
  private at = 0;
  private timer = 0;
  private readonly slider = html("input", { id: "epoch", type: "range", min: 0, value: 0 });
  private readonly facts = html("output", { for: "epoch" });
  private readonly curves = html("div", { class: "panel" });
  private readonly surface = html("canvas", { width: 460, height: 460, role: "img" });
  private readonly weights = html("div", { class: "panel weights" });
  private readonly player = button("play or stop", () => this.play(), "play");

  constructor(private run: Run) {
    const label = html("label", { for: "epoch" }, "Epoch");
    const controls = html("div", { class: "row" }, label, this.slider, this.player, this.facts);
    const header = html("header", {}, html("h1", {}, run.title), controls);
    document.getElementById("app")!.append(header, html("main", {}, this.curves, this.surface, this.weights));
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
    this.follow();
    if (run.live) setTimeout(() => void this.ask(), ASK);
  }

  /** Shows the newest epoch. */
  private follow(): void {
    this.slider.max = String(Math.max(0, this.run.frames.length - 1));
    this.show(this.run.frames.length - 1);
  }

  private async ask(): Promise<void> {
    const newest = this.at >= this.run.frames.length - 1;
    const more: Run | undefined = await fetch(`frames?from=${this.run.frames.length}`)
      .then((answer) => answer.json())
      .catch(() => undefined); // the program has ended
    if (!more) return;
    this.run = { ...more, frames: [...this.run.frames, ...more.frames] };
    this.slider.max = String(Math.max(0, this.run.frames.length - 1));
    if (newest) this.follow();
    if (more.live) setTimeout(() => void this.ask(), ASK);
  }

  private play(): void {
    const stop = this.timer !== 0;
    clearInterval(this.timer);
    this.timer = 0;
    this.player.replaceChildren(icon(stop ? "play" : "pause"));
    if (stop) return;
    if (this.at >= this.run.frames.length - 1) this.show(0);
    this.timer = window.setInterval(() => {
      if (this.at >= this.run.frames.length - 1) this.play();
      else this.show(this.at + 1);
    }, PACE);
  }

  private show(at: number): void {
    const frame = this.run.frames[at];
    if (!frame) {
      this.facts.textContent = "waiting for the first epoch";
      return;
    }
    this.at = at;
    this.slider.value = String(at);
    const held = frame.validation === null ? "" : `, held out ${shown(frame.validation)}`;
    const score = frame.score === null ? "" : `, ${frame.metric} ${shown(frame.score)}`;
    this.facts.textContent = `${frame.epoch}: loss ${frame.loss === null ? "nan" : shown(frame.loss)}${held}${score}`;
    this.drawCurves();
    this.drawSurface(frame);
    this.drawWeights(frame);
  }

  private drawCurves(): void {
    const { frames } = this.run;
    const curves = [frames.map((f) => f.loss), frames.map((f) => f.validation)];
    const numbers = curves.flat().filter((x): x is number => x !== null && x > 0);
    const scale = numbers.length && Math.max(...numbers) > 10 * Math.min(...numbers) ? Math.log10 : (x: number) => x;
    const [low, high] = [Math.min(...numbers.map(scale)), Math.max(...numbers.map(scale))];
    const x = (k: number): number => LEFT + ((WIDTH - LEFT - 8) * k) / Math.max(1, frames.length - 1);
    const y = (v: number): number => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - 12) * (scale(v) - low)) / (high - low || 1);
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "the losses, epoch by epoch" });
    curves.forEach((curve, k) => {
      const points = curve.flatMap((v, j) => (v === null || (scale === Math.log10 && v <= 0) ? [] : [`${x(j)},${y(v)}`]));
      picture.append(svg("polyline", { class: `curve${k}`, points: points.join(" ") }));
    });
    picture.append(svg("line", { class: "now", x1: x(this.at), x2: x(this.at), y1: 8, y2: HEIGHT - BOTTOM }));
    for (const v of numbers.length ? [Math.min(...numbers), Math.max(...numbers)] : [])
      picture.append(svg("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, shown(v, 3)));
    const held = curves[1].some((v) => v !== null) ? "dashed: held out" : "";
    const facts = [scale === Math.log10 ? "logarithmic" : "", held].filter((text) => text).join(", ");
    const caption = facts ? `loss by epoch (${facts})` : "loss by epoch";
    picture.append(svg("text", { x: WIDTH - 8, y: HEIGHT - 6, "text-anchor": "end" }, caption));
    this.curves.replaceChildren(picture);
  }

  private drawSurface(frame: Frame): void {
    const { side, extent, points, classes } = this.run;
    this.surface.hidden = !frame.surface || !extent;
    if (!frame.surface || !extent) return;
    const shares = bytes(frame.surface);
    const colour = (seen: number, most: number): Colour => (classes ? of(seen) : mixed(of(0), of(1), seen / most));
    const context = this.surface.getContext("2d")!;
    const [w, h] = [this.surface.width / side, this.surface.height / side];
    this.surface.setAttribute("aria-label", `what the model decides in the plane, at epoch ${frame.epoch}`);
    shares.forEach((share, k) => {
      context.fillStyle = css(mixed([255, 255, 255], colour(share, 255), 0.55));
      context.fillRect((k % side) * w, this.surface.height - (Math.floor(k / side) + 1) * h, w + 1, h + 1);
    });
    const [x0, y0, x1, y1] = extent;
    for (const [px, py, seen] of points) {
      context.beginPath();
      context.arc(((px - x0) / (x1 - x0)) * this.surface.width, (1 - (py - y0) / (y1 - y0)) * this.surface.height, 4.5, 0, 7);
      context.fillStyle = css(colour(seen, 1));
      context.fill();
      context.strokeStyle = "#fff";
      context.stroke();
    }
  }

  private drawWeights(frame: Frame): void {
    const numbers = new Float32Array(bytes(frame.weights).buffer);
    let first = 0;
    const zero = dark() ? [48, 54, 61] : [255, 255, 255];
    const rows = this.run.arrays.map(([name, count, width]) => {
      const some = numbers.slice(first, (first += count));
      const most = some.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
      const columns = Math.min(width || count, MOST_COLUMNS);
      const shape = width ? ` (${count / width} × ${width})` : "";
      const canvas = html("canvas", { width: columns * 7, height: Math.ceil(count / columns) * 7, role: "img" });
      canvas.setAttribute("aria-label", `${name}: ${count} numbers, up to ${shown(most, 3)}`);
      const context = canvas.getContext("2d")!;
      some.forEach((v, k) => {
        const part = Math.min(1, Math.abs(v) / most);
        context.fillStyle = css(mixed(zero, of(v < 0 ? 0 : 1), part));
        context.fillRect((k % columns) * 7, Math.floor(k / columns) * 7, 6, 6);
      });
      return html("div", {}, html("div", { class: "name" }, `${name}${shape}, up to ±${shown(most, 3)}`), canvas);
    });
    this.weights.replaceChildren(html("div", { class: "name" }, "weights: blue is negative, orange positive"), ...rows);
  }
}

const view = new View(JSON.parse(document.getElementById("run")!.textContent!));
Object.assign(window, { micrograd: { view } });
