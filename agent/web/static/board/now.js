// The board's first view: what is late and why, orders by stage with their clocks, who works on what.

import { keep, make, mark, put, show } from "../document.js";
import { CASES } from "../strings.js";
import { ROLES } from "./words.js";

const STAGES = ["received", "accepted", "picking", "awaiting_decision", "picked", "packed", "staged", "cancel_requested", "return_pending"];
const ALWAYS = new Set(["accepted", "picking", "picked", "packed", "staged"]); // a store sees these also when they are empty
const CARDS_MAX = 10; // of each stage, those that are due first; the others by a key or by their name
const LATE_MAX = 8;
const SILENT_S = 180; // who says nothing for so long is asked what is wrong

/** "4:07" of a length of time below an hour, else in words. */
const clock = (app, seconds) => {
  const left = Math.abs(seconds);
  return left < 3600 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : app.span(left * 1000);
};

export function nowView(app) {
  const { $, say, number, span } = app;
  const opened = new Set(); // stages of which all cards are shown
  const word = (key, otherwise) => { const found = say(key); return found === key ? otherwise ?? key.replaceAll("_", " ") : found; };
  const role = (owner) => ROLES[app.language()][owner];
  /** Who it is: a person by name, a role by its word. */
  const who = (owner) => role(owner) ?? app.nameOfWorker(owner);
  /** Seconds left now of what had so many when the board was told. */
  const left = (seconds) => Math.round(seconds - app.sinceBoard() / 1000);
  const passed = (seconds) => Math.max(0, Math.round(seconds + app.sinceBoard() / 1000));

  // Tiles

  function tiles(board) {
    const orders = board.orders.filter((one) => STAGES.includes(one.state));
    const lates = lateThings(board).length;
    const waiting = orders.filter((one) => one.state === "accepted" && !one.task).length;
    const next = orders.map((one) => left(one.due_in_s)).filter((seconds) => seconds >= 0).sort((a, b) => a - b)[0];
    const at = board.pickers ?? board.tasks.filter((task) => task.worker);
    const on = app.figure("on_time_rate");
    return [
      { key: "late", value: number(lates), shape: lates ? "down" : "good", bad: lates > 0 },
      { key: "open_orders", value: number(orders.length) },
      { key: "waiting", value: number(waiting) },
      { key: "next_due", value: next === undefined ? "–" : clock(app, next) },
      { key: "ready", value: number(orders.filter((one) => one.state === "staged").length) },
      { key: "at_work", value: number(at.filter((one) => one.task !== null).length) },
      { key: "cases_open", value: number(app.cases().length), bad: app.cases().some((one) => one.due < app.agentNow()) },
      ...(on ? [{ key: "on_time_today", value: say("unit_share", { n: number(Math.round(100 * on.value)) }) }] : []),
    ];
  }

  const drawTiles = (board) => keep($("tiles"), tiles(board), (tile) => tile.key,
    () => make("li", "tile", make("b", "", make("span", "mark none"), make("span")), make("span")),
    (node, tile) => {
      mark(node.firstElementChild.firstElementChild, tile.shape ?? "none");
      put(node.firstElementChild.lastElementChild, tile.value);
      put(node.lastElementChild, say(tile.key));
      node.classList.toggle("bad", Boolean(tile.bad));
    });

  // What is late, and why

  /** Each late thing once: a task is its orders, and the case that says an order is late is that order. */
  function lateThings(board) {
    const found = board.open.filter((one) => left(one.due_in_s) < 0);
    const orders = new Set(found.filter((one) => one.what === "order").map((one) => one.id));
    const tasks = new Map(board.tasks.map((task) => [task.id, task]));
    const shorts = new Set(board.orders.filter((one) => orders.has(one.order)).map((one) => one.short));
    return found.filter((one) => {
      if (one.what === "task") return !tasks.get(one.id)?.orders.some((short) => shorts.has(short));
      return !(one.what === "case" && one.stage === "late_order" && orders.has(app.caseOf(one.id)?.about));
    });
  }

  function whyLate(order, board) {
    const task = board.tasks.find((one) => one.id === order.task);
    if (task?.state === "offered") return say("why_left");
    if (task?.worker) {
      const name = app.nameOfWorker(task.worker);
      const quiet = passed(task.heard_s);
      return quiet > SILENT_S ? say("why_silent", { name, age: span(quiet * 1000) }) : say("why_by", { name });
    }
    return word(`why_${order.state}`, say("why_nobody"));
  }

  function lateWords(one, board) {
    const order = board.orders.find((found) => found.order === one.id);
    if (one.what === "order" && order) return { name: order.short, stage: say(`state_${order.state}`), why: whyLate(order, board), order: order.order };
    if (one.what === "put_back") return { name: board.put_back.find((found) => found.order === one.id)?.short ?? one.id, stage: say("what_put_back"), why: say("why_waiting"), order: one.id };
    if (one.what === "case") {
      const item = app.caseOf(one.id);
      return { name: CASES[app.language()][one.stage] ?? one.stage.replaceAll("_", " "), stage: say("what_case"), why: [item?.about, say("why_owner", { owner: who(one.owner) })].filter(Boolean).join(" · ") };
    }
    return { name: say(`what_${one.what}`), stage: one.id, why: say("why_owner", { owner: who(one.owner) }) };
  }

  function drawLate(board) {
    const late = lateThings(board);
    put($("late-count"), late.length ? number(late.length) : say("late_none"));
    $("late-section").classList.toggle("none", !late.length);
    show($("late-more"), late.length > LATE_MAX ? say("late_more", { n: number(late.length - LATE_MAX) }) : "");
    keep($("late"), late.slice(0, LATE_MAX), (one) => `${one.what} ${one.id}`, () => {
      const button = make("button", "late-one", make("span", "mark down"), make("b"), make("span", "stage"), make("span", "why-late"), make("strong", "late-by"));
      button.type = "button";
      button.addEventListener("click", () => { if (button.dataset.order) app.openOrder(button.dataset.order); });
      return make("li", "", button);
    }, (node, one) => {
      const button = node.firstElementChild;
      const words = lateWords(one, board);
      button.dataset.order = words.order ?? "";
      button.disabled = !words.order;
      [words.name, words.stage, words.why, say("late_by", { age: clock(app, left(one.due_in_s)) })].forEach((text, nth) => put(button.children[nth + 1], text));
    });
  }

  // Orders by stage

  function buildCard() {
    const card = make("button", "card",
      make("span", "card-head", make("b"), make("span", "", make("span", "mark none"), make("span", "card-clock"))),
      make("span", "card-who"), make("span", "card-what"), make("progress"));
    card.type = "button";
    card.addEventListener("click", () => app.openOrder(card.parentElement.dataset.key));
    return make("li", "", card);
  }

  function drawCard(node, order, board) {
    const card = node.firstElementChild;
    const [head, by, what, bar] = card.children;
    const due = left(order.due_in_s);
    put(head.children[0], order.short);
    mark(head.children[1].firstElementChild, due < 0 ? "down" : "none");
    put(head.children[1].lastElementChild, due < 0 ? say("late_by", { age: clock(app, due) })
      : order.state === "staged" ? say("waits", { age: clock(app, passed(order.since_s)) }) : clock(app, due));
    card.classList.toggle("late", due < 0);
    const task = board.tasks.find((one) => one.id === order.task);
    put(by, order.worker ? app.nameOfWorker(order.worker) : task ? say("offered") : order.owner === "picker" ? say("nobody") : who(order.owner));
    put(what, [order.courier_s == null ? "" : say("courier_here", { age: clock(app, passed(order.courier_s)) }), say(`fulfil_${order.fulfil}`), order.slots.length ? say("in_slot", { slot: order.slots.join(", ") }) : order.state === "picking" ? say("picked_of", { done: number(order.picked), all: number(order.units) }) : say("goods", { units: number(order.units) })].filter(Boolean).join(" · "));
    what.classList.toggle("hurry", order.courier_s != null);
    bar.max = Math.max(1, order.units);
    bar.value = Math.min(order.picked, order.units);
    bar.hidden = order.state !== "picking";
    bar.ariaLabel = say("picked_of", { done: number(order.picked), all: number(order.units) });
  }

  function buildStage() {
    const more = make("button", "plain more");
    more.type = "button";
    const stage = make("div", "lane", make("h3", "", make("span"), make("span", "count")), make("ul"), more);
    more.addEventListener("click", () => {
      const state = stage.dataset.key;
      if (!opened.delete(state)) opened.add(state);
      app.draw();
    });
    return stage;
  }

  function drawStages(board) {
    const wanted = $("search").value.trim().toLowerCase();
    const found = board.orders.filter((one) => STAGES.includes(one.state)).filter((one) => !wanted || `${one.order} ${one.short} ${one.worker ?? ""} ${app.nameOfWorker(one.worker ?? "")} ${one.slots.join(" ")}`.toLowerCase().includes(wanted));
    const of = (state) => found.filter((one) => one.state === state).sort((a, b) => a.due_in_s - b.due_in_s);
    const columns = STAGES.map((state) => ({ state, orders: of(state) })).filter(({ state, orders }) => orders.length || (ALWAYS.has(state) && !wanted));
    keep($("stages"), columns, ({ state }) => state, buildStage, (node, { state, orders }) => {
      const [head, list, more] = node.children;
      const late = orders.filter((one) => left(one.due_in_s) < 0).length;
      put(head.children[0], say(`state_${state}`));
      put(head.children[1], late ? `${number(orders.length)} · ${say("late")} ${number(late)}` : number(orders.length));
      keep(list, opened.has(state) ? orders : orders.slice(0, CARDS_MAX), (one) => one.order, buildCard, (card, order) => drawCard(card, order, board));
      node.classList.toggle("many", orders.length > 2);
      more.hidden = orders.length <= CARDS_MAX;
      put(more, opened.has(state) ? say("fewer") : say("more", { n: number(orders.length - CARDS_MAX) }));
    });
    put($("stages-count"), number(found.length));
    show($("stages-none"), found.length ? "" : say(wanted ? "none_found" : "no_orders"));
  }

  // Who works on what

  /** Everybody at work as the board tells it, and what was left by somebody. */
  function people(board) {
    const known = board.pickers ?? board.tasks.filter((task) => task.worker).map((task) => ({ ...task, task: task.id, name: app.nameOfWorker(task.worker) }));
    const left_ = board.tasks.filter((task) => task.state === "offered").map((task) => ({ ...task, task: task.id, worker: "", name: say("offered") }));
    return [...left_, ...known];
  }

  function drawPeople(board) {
    const all = people(board);
    put($("people-count"), all.length ? number(all.filter((one) => one.worker && one.task).length) : "");
    $("people-none").hidden = all.length > 0;
    keep($("people"), all, (one) => `${one.worker} ${one.task ?? ""}`, () => {
      const give = make("button", "plain");
      give.type = "button";
      const node = make("li", "", make("p", "two", make("strong"), make("span", "small")), make("p", "about"), make("p", "doing", make("span", "small"), give));
      give.addEventListener("click", () => app.giveAway(node.dataset.task));
      return node;
    }, (node, one) => {
      const [head, about, doing] = node.children;
      const quiet = passed(one.heard_s ?? 0);
      const silent = Boolean(one.worker && one.task && quiet > SILENT_S);
      node.dataset.task = one.task ?? "";
      put(head.children[0], one.worker ? app.nameOfWorker(one.worker) : one.name);
      put(head.children[1], one.task ? say("people_since", { age: span(passed(one.since_s) * 1000) }) : say("idle"));
      put(about, one.task ? [say(`task_${one.kind}`), one.orders.join(", "), one.lines ? say("lines_done", { done: number(one.done), all: number(one.lines) }) : ""].filter(Boolean).join(" · ") : "");
      put(doing.children[0], one.task && one.worker ? say(silent ? "people_silent" : "people_heard", { age: span(quiet * 1000) }) : "");
      doing.children[0].classList.toggle("late", silent);
      doing.children[1].hidden = !(silent && app.leads());
      put(doing.children[1], say("give_away"));
    });
  }

  function drawBack(board) {
    const waiting = board.put_back;
    $("back-section").hidden = !waiting.length;
    put($("back-count"), number(waiting.length));
    keep($("back"), waiting.slice(0, LATE_MAX), (one) => one.order, () => make("li", "", make("p", "two", make("strong"), make("span", "small")), make("p", "about")), (node, one) => {
      put(node.children[0].children[0], one.short);
      put(node.children[0].children[1], say("goods", { units: number(one.goods.reduce((sum, goods) => sum + goods.qty, 0)) }));
      put(node.children[1], one.goods.map((goods) => `${goods.sku} × ${number(goods.qty)}`).join(", "));
    });
  }

  $("search").addEventListener("input", () => app.draw());

  return (board) => { drawTiles(board); drawLate(board); drawStages(board); drawPeople(board); drawBack(board); };
}
