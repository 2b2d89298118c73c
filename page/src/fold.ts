// What is visible: scalars, groups of alike scalars, members of an open group, products of a dot.
import { Graph } from "./graph";

export const WINDOW = 6; // members of an open group, or products of an open dot, shown at once
const SCALARS = 24; // scalars of an open member
const MOST_OPEN = 12;

export interface Item {
  id: string;
  kind: "scalar" | "group" | "member" | "rest" | "product";
  node: number; // the last scalar in it, or the dot of a product
  nodes: number[];
  group: number;
  place: number; // of a member in its group, of a product in its dot
  count: number; // of members
  inside: string; // the id of what was opened to show it
}
export interface Arrow {
  from: string;
  to: string;
  count: number; // of scalars that it stands for
  reader: number; // the node that reads, and the place of the operand; -1 if there are several
  slot: number;
}
export interface Visible {
  items: Map<string, Item>;
  arrows: Arrow[];
}

type Members = Map<number, number[]>;

export class Fold {
  private readonly open = new Map<string, number>(); // each with the first of those in its window
  private readonly members: Members[] = [];

  constructor(private readonly graph: Graph) {
    for (let node = 0; node < graph.size && graph.group; node++) {
      const members = (this.members[graph.group[node]] ??= new Map<number, number[]>());
      const known = members.get(graph.member![node]);
      if (known) known.push(node);
      else members.set(graph.member![node], [node]);
    }
  }

  canOpen(item: Item): boolean {
    if (item.kind === "scalar") return this.graph.key(item.node) === "dot";
    return item.kind === "group" || item.kind === "member";
  }

  isOpen(id: string): boolean {
    return this.open.has(id);
  }

  opened(): string[] {
    return [...this.open.keys()];
  }

  toggle(id: string): void {
    if (this.open.has(id)) this.close(id);
    else {
      if (this.open.size >= MOST_OPEN) this.close(this.opened()[0]);
      this.open.set(id, 0);
    }
  }

  close(id: string): void {
    this.open.delete(id);
    if (id.startsWith("g")) for (const other of this.opened()) if (other.startsWith(`m${id.slice(1)}.`)) this.close(other);
  }

  /** Shows the members of an open group, or products of a dot, that come before or after. */
  move(id: string, by: number): void {
    if (this.open.has(id)) this.open.set(id, Math.max(0, this.open.get(id)! + by * WINDOW));
  }

  first(id: string, count: number): number {
    return Math.min(this.open.get(id) ?? 0, Math.max(0, count - WINDOW));
  }

  title(id: string): string {
    const [group, member] = id.slice(1).split(".").map(Number);
    if (id.startsWith("g")) return this.graph.head.groups![group];
    if (id.startsWith("m")) return `#${member + 1} of ${this.graph.head.groups![group]}`;
    return `dot ${this.graph.label(group)}`;
  }

  visible(): Visible {
    const items = new Map<string, Item>();
    const at = new Array<string>(this.graph.size);
    if (this.graph.group) this.members.forEach((members, group) => this.showGroup(group, members, items, at));
    else for (let node = 0; node < this.graph.size; node++) this.showScalar(node, "", items, at);
    return { items, arrows: this.arrows(at, items) };
  }

  private showScalar(node: number, inside: string, items: Map<string, Item>, at: string[]): void {
    const id = `s${node}`;
    at[node] = id;
    if (this.open.has(id)) this.showProducts(node, id, items);
    const item = { id, kind: "scalar" as const, node, nodes: [node], group: -1, place: -1, count: 1 };
    items.set(id, { ...item, inside: this.open.has(id) ? id : inside });
  }

  private showProducts(node: number, id: string, items: Map<string, Item>): void {
    const count = this.graph.inputs(node).length >> 1;
    const first = this.first(id, count);
    const common = { node, nodes: [], group: -1, inside: id };
    for (let place = first; place < Math.min(count, first + WINDOW); place++)
      items.set(`p${node}.${place}`, { ...common, id: `p${node}.${place}`, kind: "product", place, count: 1 });
    if (count > WINDOW)
      items.set(`q${node}`, { ...common, id: `q${node}`, kind: "rest", place: -1, count: count - WINDOW });
  }

  private showGroup(group: number, members: Members, items: Map<string, Item>, at: string[]): void {
    const id = `g${group}`;
    const nodes = [...members.values()].flat().sort((a, b) => a - b);
    if (nodes.length === 1) return this.showScalar(nodes[0], "", items, at);
    if (this.open.has(id) && members.size === 1) return this.showScalars(id, nodes, items, at);
    if (this.open.has(id)) return this.showMembers(group, members, items, at);
    const node = nodes[nodes.length - 1];
    items.set(id, { id, kind: "group", node, nodes, group, place: -1, count: members.size, inside: "" });
    for (const x of nodes) at[x] = id;
  }

  private showMembers(group: number, members: Members, items: Map<string, Item>, at: string[]): void {
    const inside = `g${group}`;
    const places = [...members.keys()].sort((a, b) => a - b);
    const first = this.first(inside, places.length);
    const rest: number[] = [];
    places.forEach((place, k) => {
      const nodes = members.get(place)!;
      if (k < first || k >= first + WINDOW) rest.push(...nodes);
      else this.showMember(group, place, nodes, items, at);
    });
    if (!rest.length) return;
    const id = `r${group}`;
    const node = Math.max(...rest.slice(-1));
    items.set(id, { id, kind: "rest", node, nodes: rest, group, place: -1, count: places.length - WINDOW, inside });
    for (const x of rest) at[x] = id;
  }

  private showMember(group: number, place: number, nodes: number[], items: Map<string, Item>, at: string[]): void {
    const id = `m${group}.${place}`;
    if (nodes.length === 1) return this.showScalar(nodes[0], `g${group}`, items, at);
    if (this.open.has(id)) return this.showScalars(id, nodes, items, at);
    const node = nodes[nodes.length - 1];
    items.set(id, { id, kind: "member", node, nodes, group, place, count: 1, inside: `g${group}` });
    for (const x of nodes) at[x] = id;
  }

  /** The scalars of an open member; of many, the last ones and a box for the others. */
  private showScalars(inside: string, nodes: number[], items: Map<string, Item>, at: string[]): void {
    const rest = nodes.slice(0, Math.max(0, nodes.length - SCALARS));
    for (const node of nodes.slice(rest.length)) this.showScalar(node, inside, items, at);
    if (!rest.length) return;
    const id = `o${inside}`;
    const common = { id, kind: "rest" as const, node: rest[rest.length - 1], nodes: rest };
    items.set(id, { ...common, group: -1, place: -1, count: rest.length, inside });
    for (const node of rest) at[node] = id;
  }

  private arrows(at: string[], items: Map<string, Item>): Arrow[] {
    const known = new Map<string, Arrow>();
    const link = (from: string, to: string, reader: number, slot: number): void => {
      if (from === to) return;
      const single = items.get(from)!.nodes.length <= 1 && items.get(to)!.nodes.length <= 1;
      const name = single ? `${from}>${to}>${slot}` : `${from}>${to}`;
      const arrow = known.get(name);
      if (arrow) arrow.count++;
      else known.set(name, { from, to, count: 1, reader: single ? reader : -1, slot });
    };
    for (let node = this.graph.leaves; node < this.graph.size; node++) {
      const inputs = this.graph.inputs(node);
      if (this.open.has(at[node]) && at[node] === `s${node}`) this.linkDot(node, inputs, at, link);
      else inputs.forEach((x, slot) => x >= 0 && link(at[x], at[node], node, slot));
    }
    return [...known.values()];
  }

  private linkDot(
    node: number, inputs: Int32Array, at: string[],
    link: (from: string, to: string, reader: number, slot: number) => void,
  ): void {
    const count = inputs.length >> 1;
    const first = this.first(`s${node}`, count);
    const product = (k: number): string => (k >= first && k < first + WINDOW ? `p${node}.${k}` : `q${node}`);
    inputs.forEach((x, slot) => {
      if (x >= 0) link(at[x], slot < 2 * count ? product(slot % count) : `s${node}`, node, slot);
    });
    for (let k = first; k < Math.min(count, first + WINDOW); k++) link(product(k), `s${node}`, -1, -1);
    if (count > WINDOW) link(`q${node}`, `s${node}`, -1, -1);
  }
}
