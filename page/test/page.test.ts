import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Fold } from "../src/fold";
import { Graph, Head, shown } from "../src/graph";
import { paths, shares } from "../src/paths";
import { place } from "../src/placement";
import { backward, forward } from "../src/working";

const fixtures = JSON.parse(readFileSync("test/fixtures.json", "utf8"));
const names = Object.keys(fixtures.graphs);

function load(name: string): Graph {
  const { head, numbers } = fixtures.graphs[name] ?? fixtures[name];
  const bytes = gunzipSync(Buffer.from(numbers, "base64"));
  return new Graph(head, bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
}

const computed = (graph: Graph): number[] => [...Array(graph.size).keys()].slice(graph.leaves);

const near = (x: number, y: number, most: number): void =>
  assert.ok(Object.is(x, y) || Math.abs(x - y) <= most, `${x} is not ${y}`);

for (const name of names) {
  test(`${name}: the page can evaluate it`, () => {
    assert.ok(load(name).evaluable);
  });

  test(`${name}: its numbers and gradients are Python's`, () => {
    const graph = load(name);
    graph.forward();
    graph.backward();
    for (const which of ["data", "grad"] as const)
      graph[which].forEach((x, k) => {
        const saved = graph.saved[which][k];
        near(x, saved, 4e-15 * Math.abs(saved) + 1e-300);
      });
  });

  test(`${name}: its steps are those of backward_steps, word by word`, () => {
    const graph = load(name);
    const python = fixtures.graphs[name];
    assert.deepEqual(computed(graph).map((node) => forward(graph, node)), python.forward);
    assert.deepEqual(computed(graph).reverse().map((node) => backward(graph, node)), python.backward);
  });

  test(`${name}: what paths and readers contribute adds up to each gradient`, () => {
    const graph = load(name);
    for (let leaf = 0; leaf < graph.leaves; leaf++) {
      const all = everyPath(graph, leaf);
      const found = paths(graph, leaf, 4);
      assert.equal(found.count, all.length);
      near(all.reduce((a, b) => a + b, 0), graph.grad[leaf], 1e-10);
      const largest = all.map(Math.abs).sort((a, b) => b - a).slice(0, 4);
      found.top.forEach(({ product }, k) => near(Math.abs(product), largest[k], 1e-10));
      const sum = shares(graph, leaf, String).reduce((total, share) => total + share.sum, 0);
      near(sum, graph.grad[leaf], 1e-10);
    }
  });

  test(`${name}: each scalar is in one box, and each arrow joins two boxes`, () => {
    const graph = load(name);
    const fold = new Fold(graph);
    for (let round = 0; round < 3; round++) {
      const { items, arrows } = fold.visible();
      const shownNodes = [...items.values()].flatMap((item) => item.nodes).sort((a, b) => a - b);
      assert.deepEqual(shownNodes, [...Array(graph.size).keys()]);
      for (const { from, to } of arrows) assert.ok(items.has(from) && items.has(to) && from !== to);
      for (const item of items.values()) if (fold.canOpen(item) && !fold.isOpen(item.id)) fold.toggle(item.id);
    }
  });
}

/** The product of the local derivatives along every path, by brute force. */
function everyPath(graph: Graph, node: number): number[] {
  if (node === graph.root) return [1];
  return computed(graph).flatMap((reader) => {
    const slopes = graph.gains(reader, 1);
    return [...graph.inputs(reader)].flatMap((x, k) =>
      x === node ? everyPath(graph, reader).map((product) => product * slopes[k]) : [],
    );
  });
}

test("boxes lie where Python puts them", () => {
  for (const { sizes, arrows, boxes, points, size } of fixtures.places) {
    const placed = place(sizes, arrows, [40, 10]);
    const alike = (a: number[][], b: number[][]): void =>
      a.flat().forEach((x, k) => near(x, b.flat()[k], 1e-6));
    alike(placed.boxes, boxes);
    alike(placed.arrows.flat(), points.flat());
    alike([[placed.width, placed.height]], [size]);
  }
});

test("a dot passes gradients on in the order of Python", () => {
  const graph = load("order");
  graph.backward();
  assert.deepEqual(graph.grad, graph.saved.grad);
});

test("a sum may have any number of operands", () => {
  const count = 200_000;
  const head: Head = {
    title: "", size: 2, leaves: 1, root: 1, keys: ["sum"], rows: { sum: { symbol: "", operands: [] } },
    constants: [], labels: {}, names: {}, lines: {},
    arrays: [["op", "u2", 0, 1], ["count", "i4", 8, 1], ["data", "f8", 16, 2], ["grad", "f8", 32, 2], ["operands", "i4", 48, count]],
  };
  const bytes = new ArrayBuffer(48 + 4 * count);
  new Int32Array(bytes, 8, 1)[0] = count;
  new Float64Array(bytes, 16, 2)[0] = 0.5;
  new Int32Array(bytes, 48, count).fill(1);
  const graph = new Graph(head, bytes);
  graph.forward();
  graph.backward();
  assert.deepEqual([...graph.data, ...graph.grad], [0.5, count / 2, count, 1]);
});

test("numbers are shown as in Python", () => {
  const value = (text: string): number => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text));
  for (const [text, four, three] of fixtures.shown)
    assert.deepEqual([shown(value(text)), shown(value(text), 3)], [four, three]);
});
