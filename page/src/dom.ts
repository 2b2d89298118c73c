// Elements of HTML and SVG. Text is always set as text, never as markup.

type Attributes = Record<string, string | number | undefined>;

function filled<E extends Element>(element: E, attributes: Attributes, parts: (Node | string)[]): E {
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(name, String(value));
  element.append(...parts);
  return element;
}

export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...parts: (Node | string)[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, parts);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...parts: (Node | string)[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, parts);
}

const ICONS: Record<string, string> = {
  first: "M3 3v10M13 3L5 8l8 5z",
  back: "M12 3L4 8l8 5z",
  play: "M4 2l10 6-10 6z",
  pause: "M4 2h3v12H4zM9 2h3v12H9z",
  on: "M4 3l8 5-8 5z",
  last: "M13 3v10M3 3l8 5-8 5z",
  larger: "M8 2v12M2 8h12",
  smaller: "M2 8h12",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
};
const LINES = ["larger", "smaller", "fit"];

export function icon(name: string): SVGElement {
  const fill = LINES.includes(name) ? "none" : "currentColor";
  const path = svg("path", { d: ICONS[name], fill, stroke: "currentColor", "stroke-width": 1.6 });
  return svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, path);
}

export function button(label: string, pressed: () => void, name = ""): HTMLButtonElement {
  const content = name ? [icon(name)] : [label];
  const attributes = name ? { type: "button", "aria-label": label, title: label } : { type: "button" };
  const made = html("button", attributes, ...content);
  made.addEventListener("click", pressed);
  return made;
}

export const cut = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, Math.max(most - 1, 1))}…` : text;
