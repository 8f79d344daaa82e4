// Days that are over, as pictures: a small one for each figure, the numbers under them, and each store of the last day.

import { currentLanguage, duration, lag, number, t } from "./strings.js";

const SVG = "http://www.w3.org/2000/svg";
const DAYS = 14;
const STORES_MOST = 12; // bars, until somebody wants them all
/** What is shown, in this order; of those with `+` more is better. */
const SHOWN = ["handed_over+", "on_time_rate+", "within_5_of_30+", "within_10_of_45+", "within_15_of_60+", "perfect_rate+", "first_time_pick_rate+", "not_found_rate", "oversell_rate", "out_of_stock_rate", "hidden_stock_rate", "heard_p99_ms", "walking_m", "labour_cost"];
const NAMES = SHOWN.map((name) => name.replace("+", ""));
const MORE_IS_BETTER = new Set(SHOWN.filter((name) => name.endsWith("+")).map((name) => name.slice(0, -1)));

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** A figure as people read it; nothing where it would be of nothing. */
function shown(one) {
  if (!one) return "–";
  if (one.unit === "share") return `${(100 * one.value).toLocaleString(currentLanguage() === "zh" ? "zh-CN" : "en", { maximumFractionDigits: 1 })}%`;
  if (one.unit === "ms") return lag(one.value);
  if (one.unit === "s") return duration(1000 * one.value);
  if (one.unit === "orders") return number(one.value);
  const text = one.value.toLocaleString(currentLanguage() === "zh" ? "zh-CN" : "en", { maximumFractionDigits: one.unit === "money" ? 2 : 0, minimumFractionDigits: one.unit === "money" ? 2 : 0 });
  return one.unit === "m" ? t("metres", { n: text }) : text;
}

const UNITS = { handed_over: "orders", heard_p99_ms: "ms", walking_m: "m", labour_cost: "money" };
const unitOf = (name) => UNITS[name] ?? "share";

const dayName = (day) => new Date(`${day}T00:00:00Z`).toLocaleDateString(currentLanguage() === "zh" ? "zh-CN" : "en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** Every day of the calendar from the first to the last, also those of which nobody told. */
function calendar(days) {
  const told = new Map(days.map((each) => [each.day, new Map(each.figures.map((one) => [one.name, one]))]));
  const found = [];
  for (let at = Date.parse(days[0].day); at <= Date.parse(days.at(-1).day); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    found.push({ day, figures: told.get(day) ?? new Map() });
  }
  return found;
}

/** Columns, one for each day, from nothing up to the most of them; the last one stands out. */
function columns(list, name) {
  const svg = shape("svg", { viewBox: "0 0 140 48", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" });
  const values = list.map(({ figures }) => figures.get(name)?.value ?? null);
  const most = Math.max(...values.filter((value) => value !== null));
  const top = most > 0 ? most : 1;
  const wide = 140 / Math.max(values.length, 7);
  svg.append(shape("rect", { class: "ground", x: 0, y: 47, width: 140, height: 1 }));
  for (const [nth, value] of values.entries()) {
    if (value === null) continue;
    const height = Math.max(1, 46 * value / top);
    svg.append(shape("rect", { class: nth === values.length - 1 ? "last" : "day", x: nth * wide + 0.1 * wide, y: 47 - height, width: 0.8 * wide, height }));
  }
  return svg;
}

function picture(list, name, pick, picked) {
  const made = element(pick ? "button" : "div", "", "of-days");
  const figures = list.map((each) => each.figures.get(name)).filter(Boolean);
  const last = [...list].reverse().find((each) => each.figures.get(name));
  made.append(element("span", t(`figure_${name}`), "of-days-name"), element("b", shown(last.figures.get(name))), columns(list, name));
  const values = figures.map((one) => one.value);
  const range = { least: shown({ ...figures[0], value: Math.min(...values) }), most: shown({ ...figures[0], value: Math.max(...values) }) };
  made.append(element("span", t("days_range", range), "age"));
  if (pick) {
    made.type = "button";
    made.dataset.figure = name;
    made.setAttribute("aria-pressed", String(picked === name));
  }
  return made;
}

/** Pictures and their numbers into `into`; with `pick`, a picture can be chosen. */
function draw(into, days, { pick = false, picked = "", sheet }) {
  if (!days.length) return into.replaceChildren(element("p", t("days_none"), "quiet"));
  const open = into.querySelector("details")?.open ?? false;
  const list = calendar(days);
  const names = NAMES.filter((name) => list.some(({ figures }) => figures.get(name)?.of));
  const pictures = element("div", "", "days-pictures");
  pictures.append(...names.map((name) => picture(list, name, pick, picked)));
  const details = element("details");
  details.open = open;
  const wide = element("div", "", "wide");
  wide.tabIndex = 0; // it scrolls by keyboard, too
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", t("days_numbers"));
  wide.append(numbers(list, names));
  details.append(element("summary", t("days_numbers")), wide);
  const csv = element("a", t("days_sheet"));
  csv.href = sheet;
  csv.setAttribute("download", "");
  const span = element("p", t("days_span", { first: dayName(list[0].day), last: dayName(list.at(-1).day) }), "quiet");
  into.replaceChildren(span, pictures, details, csv);
}

function numbers(list, names) {
  const table = element("table", "", "days-numbers");
  const [head, body] = [element("thead"), element("tbody")];
  const heads = element("tr");
  for (const text of [t("day"), ...names.map((name) => t(`figure_${name}`))]) {
    const cell = element("th", text, heads.children.length ? "number" : "");
    cell.scope = "col";
    heads.append(cell);
  }
  head.append(heads);
  for (const { day, figures } of [...list].reverse()) {
    const row = element("tr");
    const name = element("th", dayName(day));
    name.scope = "row";
    row.append(name, ...names.map((each) => element("td", shown(figures.get(each)), "number")));
    body.append(row);
  }
  table.append(head, body);
  return table;
}

/** The days of the chain and of the store that is chosen. `ask` fetches JSON, null when there is none. */
export function daysOf($, ask) {
  let chain = null;
  let ofStore = null;
  let picked = "on_time_rate";
  let ranked = null;
  let all = false;

  const lastDay = () => chain?.days.at(-1)?.day ?? "";

  function drawStores() {
    const stores = (ranked?.stores ?? []).filter((one) => one.value !== null);
    $("days-stores-title").hidden = !stores.length;
    $("days-all").hidden = all || stores.length <= STORES_MOST;
    $("days-stores-title").textContent = t("days_stores", { figure: t(`figure_${picked}`), day: ranked ? dayName(ranked.day) : "" });
    const sign = MORE_IS_BETTER.has(picked) ? 1 : -1;
    stores.sort((one, other) => sign * (one.value - other.value) || (one.store < other.store ? -1 : 1));
    const most = Math.max(1e-9, ...stores.map((one) => one.value));
    $("days-all").textContent = t("stores_all", { shown: number(STORES_MOST), count: number(stores.length) });
    $("days-stores").replaceChildren(...(all ? stores : stores.slice(0, STORES_MOST)).map((one) => {
      const made = element("li");
      const bar = element("meter");
      bar.max = most;
      bar.value = one.value;
      bar.setAttribute("aria-hidden", "true");
      made.append(element("span", one.store), element("span", shown({ value: one.value, unit: unitOf(picked) }), "amount"), bar);
      return made;
    }));
  }

  function show() {
    if (chain !== null) draw($("days"), chain.days, { pick: true, picked, sheet: `/v1/days.csv?days=${DAYS}` });
    if (ofStore !== null) draw($("store-days"), ofStore.days, { sheet: `/v1/stores/${encodeURIComponent(ofStore.store)}/days.csv?days=${DAYS}` });
    else $("store-days").replaceChildren();
    drawStores();
  }

  async function askRanked() {
    const asked = picked;
    const told = lastDay() ? await ask(`/v1/days/${lastDay()}?figure=${asked}`) : null;
    if (asked !== picked) return;
    ranked = told;
    drawStores();
  }

  /** Ask again for what is shown. */
  async function refresh(store) {
    chain = await ask(`/v1/days?days=${DAYS}`) ?? chain;
    const told = store ? await ask(`/v1/stores/${encodeURIComponent(store)}/days?days=${DAYS}`) : null;
    ofStore = told;
    show();
    await askRanked();
  }

  $("days").addEventListener("click", (event) => {
    const button = event.target.closest("[data-figure]");
    if (!button) return;
    picked = button.dataset.figure;
    all = false;
    for (const each of $("days").querySelectorAll("[data-figure]")) each.setAttribute("aria-pressed", String(each === button));
    void askRanked().catch(() => {});
  });
  $("days-all").addEventListener("click", () => { all = true; drawStores(); });
  return { show, refresh };
}
