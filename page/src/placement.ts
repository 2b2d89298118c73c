// Places of boxes, as `micrograd/pictures/placement.py` finds them; a test compares the numbers.

export type Point = [number, number];
export interface Placed {
  boxes: Point[];
  arrows: Point[][];
  width: number;
  height: number;
}

const SWEEPS = 12; // of orders
const PULLS = 16; // of places
const THIN = 6; // the height that an arrow takes in a layer that it skips

interface Layered {
  heights: number[];
  layer: number[];
  above: number[][]; // neighbours one layer before
  below: number[][]; // and one layer after
  bends: number[][]; // of each arrow
}

export function place(sizes: Point[], arrows: [number, number][], gap: Point): Placed {
  const graph = layered(sizes, arrows);
  const layers = ordered(graph);
  const middle = middles(graph, layers, gap[1]);
  const spans = spansOf(sizes, layers, gap[0]);
  const boxes = sizes.map(([w, h], v): Point => {
    const [left, right] = spans[graph.layer[v]];
    return [left + (right - left - w) / 2, middle[v] - h / 2];
  });
  const bends = graph.bends.map((several) =>
    several.flatMap((bend) => spans[graph.layer[bend]].map((x): Point => [x, middle[bend]])),
  );
  const height = Math.max(0, ...middle.map((y, v) => y + graph.heights[v] / 2));
  const width = spans.length ? spans[spans.length - 1][1] : 0;
  return { boxes, arrows: ports(sizes, arrows, boxes, bends), width, height };
}

/** The left and the right edge of each layer. An arrow that skips a layer crosses it level. */
function spansOf(sizes: Point[], layers: number[][], gap: number): Point[] {
  let left = 0;
  return layers.map((row): Point => {
    const right = left + Math.max(0, ...row.filter((v) => v < sizes.length).map((v) => sizes[v][0]));
    const span: Point = [left, right];
    left = right + gap;
    return span;
  });
}

function layered(sizes: Point[], arrows: [number, number][]): Layered {
  const layer = layersOf(sizes.length, arrows);
  const heights = sizes.map(([, h]) => h);
  const above: number[][] = sizes.map(() => []);
  const below: number[][] = sizes.map(() => []);
  const bends = arrows.map(([start, end]) => {
    const several: number[] = [];
    let before = start;
    for (let between = layer[start] + 1; between < layer[end]; between++) {
      const bend = layer.length;
      layer.push(between);
      heights.push(THIN);
      above.push([before]);
      below.push([]);
      below[before].push(bend);
      several.push(bend);
      before = bend;
    }
    below[before].push(end);
    above[end].push(before);
    return several;
  });
  return { heights, layer, above, below, bends };
}

function layersOf(n: number, arrows: [number, number][]): number[] {
  const readers: number[][] = Array.from({ length: n }, () => []);
  const waiting = new Array<number>(n).fill(0);
  for (const [start, end] of arrows) {
    readers[start].push(end);
    waiting[end]++;
  }
  const order = [...waiting.keys()].filter((v) => !waiting[v]);
  const layer = new Array<number>(n).fill(0);
  for (const v of order)
    for (const u of readers[v]) {
      layer[u] = Math.max(layer[u], layer[v] + 1);
      if (!--waiting[u]) order.push(u);
    }
  for (const v of order.reverse())
    if (readers[v].length) layer[v] = Math.max(layer[v], Math.min(...readers[v].map((u) => layer[u])) - 1);
  return layer;
}

const mean = (numbers: number[], otherwise: number): number =>
  numbers.length ? numbers.reduce((a, b) => a + b, 0) / numbers.length : otherwise;

/** The layers, each in an order with few crossings. */
function ordered(graph: Layered): number[][] {
  const layers: number[][] = [];
  graph.layer.forEach((layer, v) => (layers[layer] ??= []).push(v));
  const where = new Array<number>(graph.layer.length).fill(0);
  const number = (row: number[]): void => row.forEach((v, k) => (where[v] = k));
  layers.forEach(number);
  const copy = (): number[][] => layers.map((row) => [...row]);
  let best = copy();
  let fewest = crossings(graph, layers, where);
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
    const upwards = sweep % 2 === 1;
    const near = upwards ? graph.below : graph.above;
    for (const row of upwards ? layers.slice(0, -1).reverse() : layers.slice(1)) {
      const centre = new Map(row.map((v) => [v, mean(near[v].map((u) => where[u]), where[v])]));
      row.sort((a, b) => centre.get(a)! - centre.get(b)! || where[a] - where[b]);
      number(row);
    }
    const count = crossings(graph, layers, where);
    if (count < fewest) {
      fewest = count;
      best = copy();
    }
  }
  return best;
}

/** How often arrows cross, counted with a Fenwick tree over each layer. */
function crossings(graph: Layered, layers: number[][], where: number[]): number {
  let count = 0;
  for (let l = 1; l < layers.length; l++) {
    const tree = new Array<number>(layers[l - 1].length + 1).fill(0);
    let total = 0;
    for (const v of layers[l]) {
      const places = graph.above[v].map((u) => where[u] + 1);
      for (let k of places) for (; k > 0; k -= k & -k) count -= tree[k];
      count += total * places.length;
      for (let k of places) for (total++; k < tree.length; k += k & -k) tree[k]++;
    }
  }
  return count;
}

/** The vertical place of each node, from 0 on. */
function middles(graph: Layered, layers: number[][], gap: number): number[] {
  const { heights, above, below } = graph;
  const middle = new Array<number>(graph.layer.length).fill(0);
  for (const row of layers) {
    let y = 0;
    for (const v of row) {
      middle[v] = y + heights[v] / 2;
      y += heights[v] + gap;
    }
  }
  for (let pull = 0; pull < PULLS; pull++) {
    const upwards = pull % 2 === 1;
    const near = (v: number): number[] =>
      pull >= PULLS - 2 ? [...above[v], ...below[v]] : (upwards ? below : above)[v];
    for (const row of upwards ? [...layers].reverse() : layers) pulled(row, near, heights, middle, gap);
  }
  const top = middle.length ? Math.min(...middle.map((y, v) => y - heights[v] / 2)) : 0;
  return middle.map((y) => y - top);
}

/** Moves the nodes of a layer to the nearest places to their neighbours without overlap. */
function pulled(
  row: number[],
  near: (v: number) => number[],
  heights: number[],
  middle: number[],
  gap: number,
): void {
  const shifts: number[] = [];
  const sums: number[] = [];
  const counts: number[] = [];
  let shift = 0;
  row.forEach((v, k) => {
    if (k) shift += (heights[row[k - 1]] + heights[v]) / 2 + gap;
    shifts.push(shift);
    sums.push(mean(near(v).map((u) => middle[u]), middle[v]) - shift);
    counts.push(1);
    for (let last = sums.length - 1; last > 0; last--) {
      if (sums[last - 1] / counts[last - 1] < sums[last] / counts[last]) break;
      sums[last - 1] += sums.pop()!;
      counts[last - 1] += counts.pop()!;
    }
  });
  let k = 0;
  sums.forEach((total, block) => {
    for (let c = 0; c < counts[block]; c++, k++) middle[row[k]] = total / counts[block] + shifts[k];
  });
}

/** The points of each arrow. Those that enter a box share its side, in the order they come. */
function ports(sizes: Point[], arrows: [number, number][], boxes: Point[], bends: Point[][]): Point[][] {
  const entering: number[][] = sizes.map(() => []);
  const paths = arrows.map(([start, end], k): Point[] => {
    entering[end].push(k);
    return [[boxes[start][0] + sizes[start][0], boxes[start][1] + sizes[start][1] / 2], ...bends[k]];
  });
  const last = (k: number): number => paths[k][paths[k].length - 1][1];
  entering.forEach((several, end) => {
    several.sort((a, b) => last(a) - last(b));
    const height = sizes[end][1];
    several.forEach((k, n) => paths[k].push([boxes[end][0], boxes[end][1] + (height * (n + 1)) / (several.length + 1)]));
  });
  return paths;
}
