// After the walk: bags, the slot they wait in, and what waits for a customer's answer.

import { keep, make, put } from "../document.js";
import { isOpen, slots } from "./job.js";
import { labelOf } from "./walking.js";

const WARMTHS = ["ambient", "chilled", "frozen"];

const orderNow = (task, wanted) => task.orders.find((order) => order.next === wanted);

export function packScreen(app) {
  const { $, t } = app;
  let counts = {};
  let countsOf = "";

  const kindsOf = (task, order) => {
    const found = new Set(task.stops.filter((stop) => stop.order === order.order && stop.done > 0).map((stop) => stop.temperature || "ambient"));
    return WARMTHS.filter((one) => found.has(one));
  };

  function draw(task) {
    const order = orderNow(task, "pack");
    if (countsOf !== order.order) {
      countsOf = order.order;
      counts = Object.fromEntries(kindsOf(task, order).map((kind) => [kind, 1]));
      if (!Object.keys(counts).length) counts = { ambient: 1 };
    }
    put($("pack-short"), order.short);
    const lines = task.stops.filter((stop) => stop.order === order.order && stop.done > 0).length;
    put($("pack-what"), t("pack_what", { tote: labelOf(task, order.order), lines }));
    keep($("pack-bags"), Object.keys(counts), (kind) => `${order.order} ${kind}`, () => {
      const row = make("div", "");
      const change = (by) => app.key("", "", () => { counts[row.kind] = Math.min(20, Math.max(0, counts[row.kind] + by)); app.draw(); });
      row.append(make("span"), change(-1), make("b"), change(1));
      return row;
    }, (row, kind) => {
      const [label, less, number, more] = row.children;
      row.kind = kind;
      put(label, t(`bags_${kind}`));
      put(less, "−"); put(more, "+"); put(number, counts[kind]);
      less.setAttribute("aria-label", `${t("fewer")}: ${t(`bags_${kind}`)}`);
      more.setAttribute("aria-label", `${t("more_of")}: ${t(`bags_${kind}`)}`);
    });
    const n = Object.values(counts).reduce((sum, one) => sum + one, 0);
    put($("pack-do"), t(n === 1 ? "packed_one" : "packed", { n }));
    $("pack-do").disabled = n === 0;
  }

  $("pack-do").addEventListener("click", () => {
    const order = orderNow(app.task(), "pack");
    if (!order) return;
    const warm = Object.entries(counts).flatMap(([kind, n]) => Array(n).fill(kind));
    app.pack(order.order, warm.map((temperature, at) => ({ k: at + 1, n: warm.length, temperature })));
    app.signal("done");
    app.last(t("said_packed", { short: order.short, n: warm.length }));
    app.draw();
  });
  return { draw };
}

export function stageScreen(app) {
  const { $, t } = app;

  function stage(text) {
    const order = orderNow(app.task(), "stage");
    const tote = app.task().totes.find((one) => one.order === order.order)?.tote ?? "";
    app.tell("");
    const id = app.report({ outcome: "staged", order: order.order, line: 0, qty: 0, slot: text, tote });
    app.signal("done");
    app.last(t("said_staged", { short: order.short, slot: text }), "wait", id);
  }

  $("stage-type").addEventListener("click", () => {
    app.askFor({ title: t("stage"), about: t("code"), letters: true, scans: true }, (text) => stage(text.trim().toUpperCase()));
  });
  return {
    draw(task) {
      const order = orderNow(task, "stage");
      const n = order.bags?.length ?? order.bags ?? 0;
      put($("stage-short"), order.short);
      put($("stage-what"), t(n === 1 ? "stage_one" : "stage_what", { n }));
      const [[, slot] = [], ...others] = slots(order);
      put($("stage-slot"), others.length ? "" : slot || t("any_slot"));
      keep($("stage-slots"), others.length ? slots(order) : [], ([kind]) => kind, () => make("li", "", make("small"), make("b", "spot")), (node, [kind, code]) => {
        put(node.firstElementChild, t(kind));
        put(node.lastElementChild, code || t("any_slot"));
      });
    },
    onScan(scan) {
      if (scan.gtins.length || app.task().stops.some((stop) => stop.spot === scan.text)) { app.tell(t("slot_wrong")); return app.wrong(t("slot_wrong")); }
      return stage(scan.text);
    },
  };
}

export function waitScreen(app) {
  const { $, t } = app;
  $("wait-leave").addEventListener("click", app.leave);
  return {
    draw(task) {
      put($("wait-words"), t("wait_words"));
      const stops = task.stops.filter(isOpen);
      keep($("wait-list"), stops, (stop) => stop.stop, () => make("li", "line"), (node, stop) => {
        const left = stop.answer_in_s == null ? "" : ` · ${app.span(Math.max(0, stop.answer_in_s * 1000 - (Date.now() - app.job.task.heardAt)))}`;
        const then = stop.default ? ` · ${t(`default_${stop.default}`)}` : "";
        put(node, `${app.nameOf(stop)} · ${t("for_order", { short: stop.short })}${left}${then}`);
      });
    },
    tick() { const task = app.task(); if (task) this.draw(task); },
  };
}
