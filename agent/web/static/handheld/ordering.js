// Orders entered here, for who stands at the counter or is on the telephone: scanned, told how they leave, and sent under a
// name that is made before the first try. Only the store can promise goods; until it has answered, all of it is kept here.

import { keep, make, put, show } from "../document.js";
import { isOf } from "./codes.js";

const MOST = 1_000_000; // of a line, and
const MOST_LINES = 200; // lines, as the API takes them
const GRAMS = 100; // by one press
const PAY_WITHIN_S = 900;
const AGAIN_MS = 3000;
const SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"; // none is read as another
const STOPPED = { // what the store says of an order it rejects, where it is not the goods
  "the store is paused": "stopped_paused", "HQ has not been heard for too long": "stopped_hq",
  unpaid: "stopped_unpaid", hold_expired: "stopped_expired", cancelled: "stopped_cancelled",
};
const CHOICES = { fulfil: ["pickup", "courier", "ship"], promise: [15, 30, 45, 60], paid: [true, false] };

const chance = (most) => crypto.getRandomValues(new Uint32Array(1))[0] % most;
const newName = () => `C-${Array.from({ length: 12 }, () => SIGNS[chance(SIGNS.length)]).join("")}`;
const newCode = () => String(chance(1_000_000)).padStart(6, "0");
const shortOf = ({ name }) => name.slice(-4);

// A draft: its `lines` (an item as the store knows it, with `qty` and its first `scan`; `lacks` when that was too much), what
// was chosen of CHOICES, and from the first try on `name`, `code` and `sent`; `answer` once the store has accepted it.
const newDraft = () => ({ lines: [], fulfil: "pickup", promise: 30, paid: true, name: "", code: "", sent: false, answer: null });

const bodyOf = (draft) => ({
  order: draft.name,
  lines: draft.lines.map(({ sku, qty }, at) => ({ line: at + 1, sku, qty })),
  fulfil: draft.fulfil,
  promise_min: draft.promise,
  ...(draft.paid ? {} : { pay_within_s: PAY_WITHIN_S }),
  ...(draft.code ? { code: draft.code } : {}),
});

/** The screens `ordering` (what is wanted), `leaving` (how, how soon, paid?), `ordered` (the store's answer). */
export function orderingScreens(app) {
  const { $, t } = app;
  let draft = newDraft();
  let of = ""; // whose it is
  let sending = false;
  let triedAt = 0;

  const much = ({ unit }, n) => (unit === "gram" ? t("weight", { grams: n }) : String(n));
  const screenOf = () => (draft.answer ? "ordered" : draft.sent ? "leaving" : "ordering");
  const kept = async () => { try { await app.memory.set(`order ${of}`, draft); } catch { /* its disk is full: it is here all the same */ } };

  function clear() {
    draft = newDraft();
    app.memory.set(`order ${of}`, undefined);
  }

  /** What was being ordered by this worker when the page ended goes on. */
  app.resumeOrder = async () => {
    const worker = app.worker?.id ?? "";
    if (!worker || of === worker) return;
    of = worker;
    draft = newDraft();
    const before = await app.memory.get(`order ${worker}`);
    if (!before || of !== worker || draft.lines.length) return;
    draft = before;
    app.openOrder();
  };
  app.openOrder = () => app.open(screenOf());

  function change(line, qty) {
    if (draft.sent) return;
    line.qty = Math.min(MOST, Math.max(0, Math.round(qty) || 0));
    delete line.lacks;
    if (!line.qty) draft.lines = draft.lines.filter((one) => one !== line);
    kept();
    app.draw();
  }

  function add(line, grams) {
    if (line.unit === "gram" && !grams) {
      app.askFor({ title: t("how_heavy"), about: app.nameOf(line) }, (text) => { take(line); change(line, line.qty + Number(text)); });
      return;
    }
    take(line);
    change(line, line.qty + (line.unit === "gram" ? grams : 1));
  }

  function take(line) {
    if (!draft.lines.includes(line)) draft.lines.push(line);
  }

  async function onScan(scan) {
    if (draft.sent) { app.signal("wrong"); app.tell(t("order_is_sent")); return; }
    const known = draft.lines.find((line) => isOf(scan, line.gtins) && (line.unit !== "gram" || scan.grams));
    if (known) { app.signal("right"); app.tell(""); add(known, scan.grams); return; }
    const mine = draft;
    const { status, value: item } = await app.line.request("/v1/pick/find", { text: scan.text, aim: scan.aim });
    if (mine !== draft || draft.sent) return;
    if (status !== 200 || !item?.sku) { app.signal("wrong"); app.tell(t(status === 0 ? "order_needs" : "unknown_code")); return; }
    const { sku, name_en, name_zh, unit, min_age, gtins, free } = item;
    const line = draft.lines.find((one) => one.sku === sku) ?? { sku, qty: 0, scan: { text: scan.text, aim: scan.aim } };
    if (!draft.lines.includes(line) && draft.lines.length >= MOST_LINES) { app.signal("wrong"); app.tell(t("order_full")); return; }
    Object.assign(line, { name_en, name_zh, unit, min_age, gtins, free });
    app.signal("right");
    app.tell("");
    add(line, item.grams);
  }

  /** What is free may be other than when it was scanned. */
  async function look() {
    for (const line of draft.lines) {
      const { status, value } = await app.line.request("/v1/pick/find", line.scan);
      if (status !== 200) return;
      if (value.sku === line.sku) { line.free = value.free; app.draw(); }
    }
  }

  async function send() {
    if (sending || !draft.lines.length) return;
    sending = true;
    const mine = draft;
    if (!mine.sent) {
      Object.assign(mine, { sent: true, name: newName(), code: mine.fulfil === "pickup" ? newCode() : "" });
      await kept();
    }
    app.draw();
    const answer = await app.line.request("/v1/orders", bodyOf(mine));
    sending = false;
    triedAt = Date.now();
    if (mine === draft) heard(answer);
  }

  const isAgain = ({ status }) => status === 0 || status === 429 || status >= 500;

  function heard({ status, value, why }) {
    if (status === 200 && !["cancel_requested", "cancelled"].includes(value.state)) accepted(value);
    else if (status === 401 || status === 403) app.refresh();
    else if (!isAgain({ status })) rejected(value, why);
    app.draw();
  }

  function accepted({ state }) {
    const first = !draft.answer;
    draft.answer = { state };
    kept();
    app.signal("done");
    app.say(t(state === "received" ? "order_frozen" : first ? "order_accepted" : "order_is_paid", { short: shortOf(draft) }));
    if (["leaving", "ordered"].includes(app.asked()?.name)) app.openOrder();
  }

  /** Nothing is held: with less of it, or later, it is another order. */
  function rejected(value, why) {
    const lacks = new Map((value?.missing ?? []).map((one) => [one.sku, one.available]));
    for (const line of draft.lines) if (lacks.has(line.sku)) line.free = line.lacks = lacks.get(line.sku);
    Object.assign(draft, { sent: false, name: "", code: "", answer: null });
    kept();
    app.signal("wrong");
    const problem = value?.missing?.find((one) => one.why in STOPPED)?.why ?? (value?.mistakes?.[0]?.problem || value?.why || value?.state || why);
    app.tell(t(STOPPED[problem] ?? (lacks.size ? "order_short" : "order_rejected"), { why: problem }));
    app.open("ordering");
  }

  async function pay() {
    const mine = draft;
    const answer = await app.line.request(`/v1/orders/${encodeURIComponent(mine.name)}/paid`, {});
    if (mine !== draft) return;
    if (isAgain(answer)) { app.signal("wrong"); app.tell(answer.why || t("order_needs")); } else heard(answer);
  }

  function row() {
    const line = () => draft.lines.find((one) => one.sku === node.dataset.key);
    const step = (way) => () => { const one = line(); change(one, one.qty + way * (one.unit === "gram" ? GRAMS : 1)); };
    const type = () => { const one = line(); app.askFor({ title: t(one.unit === "gram" ? "weight_wanted" : "how_many_wanted"), about: app.nameOf(one) }, (text) => change(one, Number(text))); };
    const node = make("li", "basket", make("p", "", make("b"), make("small")), app.key("", "", step(-1)), app.key("", "", type), app.key("", "", step(1)));
    put(node.children[3], "+");
    return node;
  }

  function drawRow({ children: [words, less, many, more] }, line) {
    const name = app.nameOf(line);
    const last = line.qty <= (line.unit === "gram" ? GRAMS : 1);
    const tooMany = line.lacks !== undefined || line.qty > line.free;
    put(words.children[0], name);
    const free = line.free > 0 ? t(tooMany ? "free_only" : "free", { n: much(line, line.free) }) : t("free_none");
    put(words.children[1], [free, line.min_age ? t("age_check", { age: line.min_age }) : ""].filter(Boolean).join(" · "));
    words.classList.toggle("why", tooMany);
    put(less, last ? "✕" : "−");
    less.setAttribute("aria-label", `${t(last ? "leave_out" : "fewer")}: ${name}`);
    put(many, much(line, line.qty));
    many.setAttribute("aria-label", `${much(line, line.qty)} ${name}: ${t("how_many_wanted")}`);
    more.setAttribute("aria-label", `${t("more_of")}: ${name}`);
  }

  for (const [what, values] of Object.entries(CHOICES)) {
    for (const value of values) {
      const key = app.key("", "", () => { if (!draft.sent) { draft[what] = value; kept(); app.draw(); } });
      key.value = String(value);
      $(`leaving-${what}`).append(key);
    }
  }
  $("ordering-next").addEventListener("click", () => { app.tell(""); app.open("leaving"); });
  $("ordering-type").addEventListener("click", () => app.askFor({ title: t("type_code"), letters: true, scans: true }, (text) => app.scan(text)));
  $("ordering-unpaid").addEventListener("click", () => app.open("paying"));
  $("ordering-back").addEventListener("click", app.close);
  $("leaving-do").addEventListener("click", send);
  $("leaving-back").addEventListener("click", () => (draft.sent ? app.close() : app.open("ordering")));
  $("ordered-paid").addEventListener("click", pay);
  $("ordered-do").addEventListener("click", () => { clear(); app.close(); app.refresh(); });

  const offline = () => (app.line.up ? "" : t("order_needs"));
  const ordering = {
    enter: look,
    onScan,
    tick: app.draw,
    draw() {
      put($("ordering-words"), t(draft.lines.length ? "order_scan_more" : "order_scan"));
      keep($("ordering-list"), draft.lines, ({ sku }) => sku, row, drawRow);
      show($("ordering-gap"), offline());
      $("ordering-next").disabled = !draft.lines.length;
      $("ordering-unpaid").hidden = draft.lines.length > 0;
    },
  };
  const leaving = {
    onScan,
    tick() {
      if (draft.sent && !draft.answer && app.line.up && Date.now() - triedAt > AGAIN_MS) send();
      app.draw();
    },
    draw() {
      const ages = draft.lines.map((line) => line.min_age);
      show($("leaving-age"), Math.max(0, ...ages) && t("order_age", { age: Math.max(...ages) }));
      for (const what of Object.keys(CHOICES)) {
        for (const key of $(`leaving-${what}`).children) {
          put(key, t(`order_${what}_${key.value}`));
          key.setAttribute("aria-pressed", String(String(draft[what]) === key.value));
          key.disabled = draft.sent;
        }
      }
      show($("leaving-gap"), draft.sent && !sending ? t("order_unknown", { short: shortOf(draft) }) : offline());
      put($("leaving-do"), t(sending ? "loading" : draft.sent ? "order_again" : "order_send"));
      $("leaving-do").disabled = sending || !app.line.up;
    },
  };
  const ordered = {
    onScan: (scan) => app.whatIs(scan),
    draw() {
      const frozen = draft.answer?.state === "received";
      put($("ordered-title"), t(frozen ? "order_is_frozen" : "order_is_accepted"));
      put($("ordered-short"), shortOf(draft));
      put($("ordered-what"), [t(`order_fulfil_${draft.fulfil}`), t(`order_promise_${draft.promise}`)].join(" · "));
      $("ordered-code").hidden = !draft.code;
      put($("ordered-digits"), draft.code.replace(/...(?=.)/g, "$& "));
      const age = Math.max(0, ...draft.lines.map((line) => line.min_age));
      show($("ordered-age"), age && t("order_age", { age }));
      show($("ordered-pay"), frozen && t("order_pay_words"));
      $("ordered-paid").hidden = !frozen;
    },
  };
  return { ordering, leaving, ordered };
}

/** Orders of the store that are to be paid, whoever entered them. */
export function payingScreen(app) {
  const { $, t } = app;
  let orders = null;
  let chosen = "";

  async function look() {
    const answer = await app.line.request("/v1/board");
    orders = (answer.value?.orders ?? []).filter((order) => order.next === "pay");
    if (answer.status !== 200) app.tell(answer.why || t("gap_needs"));
    app.draw();
  }

  $("paying-back").addEventListener("click", () => app.openOrder());
  $("paying-do").addEventListener("click", async () => {
    const order = orders.find((one) => one.order === chosen);
    const answer = await app.line.request(`/v1/orders/${encodeURIComponent(chosen)}/paid`, {});
    if (answer.status === 200) { app.signal("done"); app.tell(""); app.say(t("order_is_paid", { short: order.short })); } else {
      app.signal("wrong");
      app.tell(answer.status ? t("not_done", { why: answer.value?.mistakes?.[0]?.problem ?? answer.why }) : t("gap_needs"));
    }
    chosen = "";
    look();
  });

  return {
    enter() { orders = null; chosen = ""; look(); },
    draw() {
      put($("paying-words"), orders === null ? t("loading") : t(orders.length ? "paying_words" : "paying_none"));
      keep($("paying-list"), orders ?? [], (order) => order.order, () => {
        const key = app.key("", "", () => { chosen = key.order; app.draw(); });
        key.append(make("span", "short"), make("small"));
        return make("li", "", key);
      }, (node, order) => {
        const key = node.firstChild;
        key.order = order.order;
        put(key.children[0], order.short);
        put(key.children[1], [t(`order_fulfil_${order.fulfil}`), t("due", { age: app.span(1000 * Math.max(0, order.due_in_s)) })].join(" · "));
        key.setAttribute("aria-pressed", String(order.order === chosen));
      });
      const order = orders?.find((one) => one.order === chosen);
      put($("paying-do"), order ? t("order_paid_of", { short: order.short }) : t("order_paid_do"));
      $("paying-do").disabled = !order;
    },
    onScan(scan) {
      const found = (orders ?? []).find((one) => [one.order, one.short].some((name) => name.toUpperCase() === scan.text.toUpperCase()));
      app.signal(found ? "right" : "wrong");
      if (found) { chosen = found.order; app.draw(); } else app.tell(t("unknown_code"));
    },
  };
}
