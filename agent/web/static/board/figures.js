// The board's second view: what the store is judged by, today and the last days, as numbers and pictures.

import { keep, make, put, show } from "../document.js";
import { bar, columns, numbers } from "./pictures.js";
import { FIGURES } from "./words.js";

/** The steps of an order's seconds, in their order; what comes after the hand-over is nobody's waiting. */
const STEPS = ["accept", "wait", "pick", "decide", "pack", "counter", "undo"];
const GROUPS = [
  ["service", ["on_time_rate", "perfect_rate", "in_store_s", "within_5", "within_5_of_30", "within_10_of_45", "within_15_of_60", "handed_over_in_30_rate", "severely_late_rate", "cancelled_rate", "returned_rate"]],
  ["pick", ["first_time_pick_rate", "not_found_rate", "substitution_rate", "substitution_kept_rate", "within_pick_standard", "pick_s_per_line", "lines_per_hour", "units_per_hour"]],
  ["stock", ["rejected_rate", "out_of_stock_rate", "oversell_rate", "hidden_stock_rate", "stopped_stock_rate", "in_backroom_rate", "record_accuracy", "heard_within_2_s", "heard_p50_ms", "heard_p99_ms"]],
  ["work", ["walking_m", "labour_s", "labour_cost"]],
];
/** Those that are told elsewhere: by the funnel, by the picture of seconds. */
const ELSEWHERE = /^(orders|accepted|handed_over)$|_mean_s$|_p\d+_s$/;
const OF_DAYS = ["handed_over", "on_time_rate", "in_store_s", "not_found_rate", "hidden_stock_rate", "heard_within_2_s", "walking_m", "labour_s", "labour_cost"];

/** Of goods and time: what they are of is SKU-seconds. */
const OF_TIME = new Set(["hidden_stock_rate", "stopped_stock_rate"]);

const byName = (figures) => new Map(figures.map((one) => [one.name, one]));

export function figuresView(app) {
  const { $, say, number, span } = app;
  const named = (name) => FIGURES[app.language()][name] ?? name.replaceAll("_", " ");

  /** A figure as people read it. */
  app.shown = ({ value, unit }) => {
    if (unit === "ms") return app.shown({ value: value / 1000, unit: "s" });
    if (unit === "share") return say("unit_share", { n: app.rate(100 * value) });
    const seconds = Math.round(value);
    if (unit === "s" && seconds >= 3600) return span(1000 * seconds);
    if (unit === "s" && value < 10) return say("unit_s", { n: app.rate(value) });
    if (unit === "s") return seconds < 100 ? say("unit_s", { n: number(seconds) }) : say("unit_min", { n: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` });
    if (unit === "m") return say("unit_m", { n: number(Math.round(value)) });
    return unit === "money" ? app.rate(value, 2) : app.rate(value);
  };

  // Where an order's seconds go

  /** Of each step its seconds of a mean order: `[step, seconds]`. Steps that no order had are none. */
  function secondsOf(figures) {
    const found = byName(figures);
    const orders = found.get("orders")?.value ?? 0;
    return STEPS.map((step) => [step, found.get(`${step}_mean_s`)]).filter(([, one]) => one && orders)
      .map(([step, one]) => [step, one.value * one.of / orders]);
  }

  function drawSeconds(figures) {
    const parts = secondsOf(figures);
    const whole = parts.reduce((sum, [, seconds]) => sum + seconds, 0);
    put($("seconds-words"), parts.length ? say("seconds_words", { n: number(byName(figures).get("orders").value), age: span(whole * 1000) }) : say("seconds_none"));
    let before = 0;
    keep($("seconds"), parts, ([step]) => step, () => make("div", "row", make("span", "row-name"), bar(), make("span", "row-value")), (row, [step, seconds]) => {
      put(row.children[0], say(`step_${step}`));
      bar.draw(row.children[1], [{ from: before / whole, to: (before + seconds) / whole, of: step }]);
      put(row.children[2], `${app.shown({ value: seconds, unit: "s" })} · ${say("unit_share", { n: number(Math.round(100 * seconds / whole)) })}`);
      before += seconds;
    });
  }

  const hours = (seconds) => (seconds < 36_000 ? Math.round(seconds / 36) / 100 : Math.round(seconds / 3600)); // a day begins with few

  function drawGroups(figures) {
    const found = byName(figures);
    const known = new Set(GROUPS.flatMap(([, names]) => names));
    const others = figures.map((one) => one.name).filter((name) => !known.has(name) && !ELSEWHERE.test(name));
    const groups = [...GROUPS, ["other", others]].map(([group, names]) => ({ group, of: names.map((name) => found.get(name)).filter(Boolean) })).filter(({ of }) => of.length);
    keep($("groups"), groups, ({ group }) => group, () => make("section", "", make("h2"), make("dl", "figures")), (section, { group, of }) => {
      put(section.firstElementChild, say(`group_${group}`));
      keep(section.lastElementChild, of, (one) => one.name, () => make("div", "", make("dt"), make("dd", "", make("b"), make("span", "small"))), (row, one) => {
        put(row.children[0], named(one.name));
        put(row.children[1].children[0], app.shown(one));
        put(row.children[1].children[1], one.unit.endsWith("/h") ? "" : OF_TIME.has(one.name) ? say("sku_hours", { n: number(hours(one.of)) }) : say("count_of", { n: number(Math.round(one.of)) }));
      });
    });
  }

  // What became of the orders

  function drawFunnel(funnel) {
    const most = Math.max(1, ...funnel.map((row) => row.orders));
    keep($("funnel"), funnel, (row) => row.step, () => make("div", "row", make("span", "row-name"), bar(), make("span", "row-value"), make("span", "row-out small")), (node, row) => {
      put(node.children[0], say(`funnel_${row.step}`));
      const here = row.waiting ?? 0;
      bar.draw(node.children[1], [{ from: 0, to: row.orders / most, of: "done" }, ...(here ? [{ from: (row.orders - here) / most, to: row.orders / most, of: "waiting" }] : [])]);
      put(node.children[2], number(row.orders));
      put(node.children[3], [
        ...(row.complete !== undefined ? [say("funnel_complete", { n: number(row.complete) })] : []),
        ...(here ? [say("funnel_waiting", { n: number(here) })] : []),
        ...(row.out ?? []).map((one) => `${say(`out_${one.why}`)}: ${number(one.orders)}`),
      ].join(" · "));
    });
  }

  // By hour, by day

  function drawHours(hours) {
    const told = hours.map(({ hour, figures }) => ({ hour, figures, found: byName(figures) })).filter(({ found }) => found.get("orders")?.value);
    $("hours-section").hidden = $("steps-section").hidden = !told.length;
    if (!told.length) return;
    const [first, last] = [told[0].hour, told.at(-1).hour];
    const all = Array.from({ length: Math.max(6, last - first + 1) }, (_, nth) => told.find(({ hour }) => hour === first + nth) ?? { hour: first + nth, figures: [], found: new Map() });
    const each = all.length > 12 ? 3 : 1;
    const rows = all.map(({ hour, figures, found }) => {
      const orders = found.get("orders")?.value ?? 0;
      const timed = found.get("on_time_rate");
      const late = timed ? Math.round((1 - timed.value) * timed.of) : 0;
      return { hour: String(hour), orders, late, seconds: secondsOf(figures) };
    });
    columns(part("hours"), rows.map(({ hour, orders, late }) => ({
      name: hour, parts: [["late", late], ["done", orders - late]], label: `${hour}: ${number(orders)}, ${say("late")} ${number(late)}`, shown: orders ? number(orders) : "",
    })), { each });
    numbers(table("hours"), say("numbers"), [say("hour"), say("orders_"), say("late")], rows.map((one) => [one.hour, number(one.orders), number(one.late)]));
    const steps = STEPS.filter((step) => rows.some(({ seconds }) => seconds.some(([name, value]) => name === step && value >= 1)));
    keep($("steps-key"), steps, (step) => step, () => make("li", "", make("span", "swatch"), make("span")), (node, step) => { node.firstElementChild.className = `swatch of-${step}`; put(node.lastElementChild, say(`step_${step}`)); });
    const total = (seconds) => seconds.reduce((sum, [, value]) => sum + value, 0);
    columns(part("steps"), rows.map(({ hour, seconds }) => ({
      name: hour, parts: seconds, label: `${hour}: ${seconds.map(([step, value]) => `${say(`step_${step}`)} ${span(value * 1000)}`).join(", ")}`,
      shown: seconds.length ? app.rate(total(seconds) / 60, all.length > 8 ? 0 : 1) : "",
    })), { each });
    numbers(table("steps"), say("numbers"), [say("hour"), ...steps.map((step) => say(`step_${step}`))],
      rows.filter(({ seconds }) => seconds.length).map(({ hour, seconds }) => [hour, ...steps.map((step) => { const found = seconds.find(([name]) => name === step); return found ? app.shown({ value: found[1], unit: "s" }) : "–"; })]));
  }

  /** The picture in a section, and the table under it. */
  function part(id) {
    if (!$(id).children.length) $(id).append(make("div", "columns-picture"), make("details", "numbers"));
    return $(id).firstElementChild;
  }
  const table = (id) => $(id).lastElementChild;

  function drawDays(days) {
    const told = days.map(({ day, figures }) => ({ day, found: byName(figures) }));
    const names = OF_DAYS.filter((name) => told.some(({ found }) => found.get(name)?.of));
    $("days-section").hidden = !names.length;
    keep($("days"), names, (name) => name, () => make("div", "of-days", make("h3"), make("div", "columns-picture"), make("details", "numbers")), (node, name) => {
      put(node.children[0], named(name));
      const list = told.map(({ day, found }, nth) => {
        const one = found.get(name);
        const shown = one?.of || one?.value ? app.shown(one) : "–";
        return { name: app.dayName(day), last: nth === told.length - 1, parts: [[nth === told.length - 1 ? "today" : "done", one?.value ?? 0]], label: `${app.dayName(day)}: ${shown}`, shown: nth === told.length - 1 ? shown : "", row: [day, shown] };
      });
      columns(node.children[1], list, { each: Math.ceil(list.length / 3), apart: 4 });
      numbers(node.children[2], say("numbers"), [say("day"), named(name)], list.map((one) => one.row));
    });
  }

  // Articles

  function drawSkus(skus) {
    const missed = skus.filter((one) => one.hits < one.lines);
    $("skus-none").hidden = missed.length > 0;
    $("skus-table").hidden = !missed.length;
    const share = (some, of) => `${number(some)} · ${say("unit_share", { n: number(Math.round(100 * some / of)) })}`;
    keep($("skus"), missed, (one) => one.sku, () => {
      const head = make("th", "", make("span"), make("span", "small"));
      head.scope = "row";
      return make("tr", "", head, ...Array.from({ length: 5 }, () => make("td", "number")));
    }, (row, one) => {
      put(row.children[0].children[0], app.nameOf(one));
      put(row.children[0].children[1], one.sku);
      [number(one.lines), share(one.hits, one.lines), share(one.not_found, one.lines), number(one.in_backroom), number(one.substituted)].forEach((text, nth) => put(row.children[nth + 1], text));
      row.children[3].classList.toggle("short", one.not_found > 0);
    });
  }

  return (today, days) => {
    for (const section of $("figures").querySelectorAll("section")) if (!["hours-section", "steps-section", "days-section"].includes(section.id)) section.hidden = today === null;
    put($("figures-of"), today ? say("of_day_at", { day: app.dayName(today.day), time: app.moment(today.as_of ?? app.agentNow()) }) : say("figures_none"));
    const figures = today?.figures ?? [];
    drawSeconds(figures);
    drawGroups(figures);
    drawFunnel(today?.funnel ?? []);
    drawSkus(today?.skus ?? []);
    drawHours(days?.hours ?? []);
    drawDays(days?.days ?? []);
  };
}
