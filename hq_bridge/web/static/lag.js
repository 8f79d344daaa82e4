// Draws how the lag went: half of the rows and 99 % of them, over the last half hour.

import { lag, t } from "./strings.js";

const SVG = "http://www.w3.org/2000/svg";
const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [150, 66, 12, 26, 22];
const LAST = 179; // half an hour of points; what came before HQ's start is empty

function shape(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/** The next 1, 2 or 5 times a power of ten: a scale that does not tremble. */
function roof(ms) {
  const power = 10 ** Math.floor(Math.log10(Math.max(ms, 10)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= ms);
}

const known = (points, key) => points.map((point) => point[key]).filter((ms) => ms !== null);
const middle = (values) => [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];

/** A line that is broken where nothing landed; a point alone is a short dash. */
function path(points, key, x, y) {
  let text = "";
  let drawing = false;
  for (const [index, point] of points.entries()) {
    if (point[key] !== null) text += `${drawing ? "L" : "M"}${x(index).toFixed(1)} ${y(point[key]).toFixed(1)}${drawing ? "" : "h1"}`;
    drawing = point[key] !== null;
  }
  return text;
}

/** `told` is an answer of /v1/lag. */
export function drawLag(into, told) {
  const { points, every_ms: every } = told;
  const all = [...known(points, "p50_ms"), ...known(points, "p99_ms")];
  if (points.length < 2 || !all.length) {
    const note = document.createElement("p");
    note.className = "quiet";
    note.textContent = t(points.length < 2 ? "lag_soon" : "lag_none");
    into.replaceChildren(note);
    return;
  }
  const top = roof(Math.max(...all));
  const least = Math.min(...all);
  const floor = least < 0 ? -roof(-least) : 0; // two clocks: it may be negative
  const width = Math.max(280, Math.min(1200, into.clientWidth)); // so that words keep their size
  const x = (index) => LEFT + ((LAST - points.length + 1 + index) / LAST) * (width - LEFT - RIGHT);
  const y = (ms) => TOP + ((top - ms) / (top - floor)) * (HEIGHT - TOP - BOTTOM);
  const minutes = Math.round((LAST * every) / 60_000);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  const worst = Math.max(...known(points, "p99_ms"));
  svg.setAttribute(
    "aria-label",
    t("lag_chart", { minutes, p50: lag(middle(known(points, "p50_ms"))), p99: lag(middle(known(points, "p99_ms"))), worst: lag(worst) }),
  );
  for (const ms of [top, (top + floor) / 2, floor]) {
    svg.append(shape("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: y(ms), y2: y(ms) }));
    svg.append(shape("text", { x: LEFT - 6, y: y(ms) + 4, "text-anchor": "end" }, lag(ms)));
  }
  svg.append(
    shape("path", { class: "p99", d: path(points, "p99_ms", x, y) }),
    shape("path", { class: "p50", d: path(points, "p50_ms", x, y) }),
    shape("text", { x: LEFT, y: HEIGHT - 5 }, t("minutes_ago", { minutes })),
    shape("text", { x: width - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, t("now")),
    shape("line", { class: "p50", x1: 0, x2: 24, y1: 10, y2: 10 }),
    shape("text", { x: 30, y: 14 }, t("half")),
    shape("line", { class: "p99", x1: 135, x2: 159, y1: 10, y2: 10 }),
    shape("text", { x: 165, y: 14 }, t("most_rows")),
  );
  into.replaceChildren(svg);
}
