// Pictures of numbers: SVG without a word in it, so that it takes any width; what it says stands beside it as text.

import { keep, make, put } from "../document.js";

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, values) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
  return node;
}

function canvas(className, width, height) {
  const node = shape("svg", { class: className, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" });
  return node;
}

/** A bar of 0 to 1 that lies down; `bar.draw(node, [{from, to, of}])` fills it: `of` names what a part is of. */
export const bar = () => canvas("bar", 1000, 10);
bar.draw = (node, parts) => node.replaceChildren(shape("rect", { class: "ground", x: 0, y: 4.5, width: 1000, height: 1 }), ...parts.map(({ from, to, of }) =>
  shape("rect", { class: `of-${of}`, x: 1000 * from, y: 0, width: Math.max(2, 1000 * (to - from)), height: 10 })));

/**
 * Columns side by side: `columns` of `{name, parts: [[of, value], …], label, shown}`, from the ground up; every `each`th has
 * its name written, none of the `apart` before the last. `label` is what a column says where somebody points at it, `shown` what stands above it.
 */
export function columns(node, list, { most, each = 1, apart = 0 }) {
  const top = Math.max(1e-9, most ?? Math.max(...list.map((one) => one.parts.reduce((sum, [, value]) => sum + value, 0))));
  keep(node, list, (one) => one.name, () => make("div", "column", make("span", "column-value"), canvas("tower", 10, 100), make("span", "column-name")), (column, one) => {
    const nth = list.indexOf(one);
    put(column.children[0], one.shown ?? "");
    put(column.children[2], one.last || (nth % each === 0 && nth < list.length - apart) ? one.name : "");
    column.title = one.label;
    let from = 100;
    column.children[1].replaceChildren(shape("rect", { class: "ground", x: 0, y: 99.5, width: 10, height: 0.5 }), ...one.parts.filter(([, value]) => value > 0).map(([of, value]) => {
      const height = 100 * value / top;
      from -= height;
      return shape("rect", { class: `of-${of}`, x: 1, y: from, width: 8, height });
    }));
  });
}

/** The numbers of a picture as a table that opens: `heads`, then `rows` of texts. */
export function numbers(node, title, heads, rows) {
  if (!node.firstElementChild) node.append(make("summary"), make("div", "wide", make("table", "", make("thead", "", make("tr")), make("tbody"))));
  put(node.firstElementChild, title);
  const [head, body] = node.querySelector("table").children;
  keep(head.firstElementChild, heads.map((text, nth) => ({ text, nth })), (one) => one.nth, () => make("th"), (cell, one) => { cell.scope = "col"; cell.className = one.nth ? "number" : ""; put(cell, one.text); });
  keep(body, rows, (row) => row[0], () => make("tr"), (line, row) => keep(line, row.map((text, nth) => ({ text, nth })), (one) => one.nth,
    () => make("td"), (cell, one) => { cell.className = one.nth ? "number" : ""; put(cell, one.text); }));
}
