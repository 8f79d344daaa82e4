// One order: where its seconds went, what became of its lines, and what a lead does about it. And paper.

import { keep, make, put, show } from "../document.js";
import { bar } from "./pictures.js";

const MOST_ON_PAPER = 30; // orders the store prints at once
const AGAIN_MS = 3000;

export function orderDialog(app) {
  const { $, say, number, span } = app;
  let open = null; // {name, found}
  const word = (key, otherwise) => { const found = say(key); return found === key ? otherwise : found; };
  const path = (name, what) => `/v1/board/orders/${name.split("/").map(encodeURIComponent).join("/")}/${what}`;

  function show_(name) {
    open = { name, found: null };
    $("order-really").hidden = true;
    show($("order-trouble"), "");
    draw();
    if (!$("order").open) $("order").showModal();
    ask();
  }

  /** Asks, and again while it is open. */
  async function ask() {
    const mine = open;
    const answer = await app.line.request(path(mine.name, "history"));
    if (open !== mine) return;
    if (answer.status === 200) { mine.found = answer.value; mine.at = performance.now(); }
    if (answer.status === 401) app.ended();
    else if (answer.status !== 200) show($("order-trouble"), answer.why || say("no_answer"));
    draw();
    setTimeout(() => { if (open === mine) ask(); }, AGAIN_MS);
  }

  function drawSteps({ steps, is_open: isOpen }) {
    const whole = Math.max(1, steps.reduce((sum, one) => sum + one.took_s, 0));
    let before = 0;
    keep($("order-steps"), steps.map((one, nth) => ({ ...one, nth })), (one) => one.nth,
      () => make("li", "", make("span", "row-name"), bar(), make("span", "row-value")),
      (node, one) => {
        const last = isOpen && one.nth === steps.length - 1;
        put(node.children[0], say(`state_${one.state}`));
        node.children[0].title = [word(`event_${one.event}`, one.event), one.source].join(" · ");
        bar.draw(node.children[1], [{ from: before / whole, to: (before + one.took_s) / whole, of: one.step }]);
        put(node.children[2], [span(one.took_s * 1000) + (last ? ` ${say("so_far")}` : ""), one.event === "cancel" ? one.source : "", one.name].filter(Boolean).join(" · "));
        before += one.took_s;
      });
  }

  function drawLines({ lines }) {
    keep($("order-lines"), lines, (one) => one.line, () => make("li", "", make("p", "two", make("strong"), make("span", "small")), make("p", "about")), (node, one) => {
      put(node.children[0].children[0], app.nameOf(one));
      put(node.children[0].children[1], say(one.unit === "gram" ? "grams" : "units", { done: number(one.done), qty: number(one.qty) }));
      put(node.children[1], [say(`line_${one.state}`), one.sku, one.instead_of ? say("instead", { line: one.instead_of }) : ""].filter(Boolean).join(" · "));
      node.children[1].classList.toggle("short", one.state === "short");
    });
  }

  function draw() {
    if (open === null) return;
    const { found, name } = open;
    put($("order-title"), say("order", { short: found?.short ?? name }));
    if (!found) { put($("order-about"), say("loading")); $("order-steps").replaceChildren(); $("order-lines").replaceChildren(); $("order-does").hidden = true; return; }
    const due = found.promised_in_s;
    put($("order-about"), [
      say("order_of", { order: found.order, channel: found.channel, fulfil: say(`fulfil_${found.fulfil}`) }), say(`state_${found.state}`),
      due === null || !found.is_open ? "" : say(due < 0 ? "promised_late" : "promised", { age: span(Math.abs(due) * 1000) }),
    ].filter(Boolean).join(" · "));
    show($("order-why"), [found.courier_s === null || !found.is_open ? "" : say("courier_waits", { age: span(found.courier_s * 1000) }), found.why].filter(Boolean).join(" · "));
    const started = ["accepted", "picking", "awaiting_decision", "picked", "packed", "staged"].includes(found.state);
    $("order-does").hidden = !started;
    $("order-list").hidden = !["accepted", "picking", "awaiting_decision"].includes(found.state);
    $("order-courier").hidden = !app.leads() || found.fulfil !== "courier" || found.courier_s !== null;
    $("order-cancel").hidden = !app.leads() || !$("order-really").hidden;
    put($("order-question"), say("really", { short: found.short }));
    drawSteps(found);
    drawLines(found);
  }

  async function tell(what) {
    const name = open.name;
    const answer = await app.line.request(path(name, what), {});
    if (answer.status === 401) app.ended();
    if (open?.name !== name) return;
    $("order-really").hidden = true;
    show($("order-trouble"), answer.status === 200 ? "" : say("not_done", { why: answer.value?.mistakes?.map((one) => one.problem).join(", ") || answer.why || say("no_answer") }));
    app.refresh();
    show_(name);
    if (answer.status !== 200) show($("order-trouble"), say("not_done", { why: answer.why || say("no_answer") }));
  }

  $("order").addEventListener("close", () => { open = null; });
  $("order-close").addEventListener("click", () => $("order").close());
  $("order-courier").addEventListener("click", () => tell("courier"));
  $("order-cancel").addEventListener("click", () => { $("order-really").hidden = false; draw(); $("order-keep").focus(); });
  $("order-keep").addEventListener("click", () => { $("order-really").hidden = true; draw(); });
  $("order-sure").addEventListener("click", () => tell("cancel"));
  $("order-list").addEventListener("click", () => app.paper(`/v1/paper/pick-list.pdf?order=${encodeURIComponent(open.name)}`, $("order-trouble")));
  $("order-bags").addEventListener("click", () => app.paper(`/v1/paper/bags.pdf?order=${encodeURIComponent(open.name)}`, $("order-trouble")));

  return { show: show_, draw };
}

/** Paper for when handhelds are down. The store wants each request proved, so the page fetches what it then opens. */
export function printing(app) {
  const { $, say } = app;

  app.paper = async (path, trouble) => {
    show(trouble, say("opening"));
    const url = `${path}${path.includes("?") ? "&" : "?"}lang=${app.language()}`;
    const answer = await app.line.request(url, undefined, "GET", (told) => told.blob());
    if (answer.status === 401) app.ended();
    if (answer.status !== 200) { show(trouble, say("not_done", { why: answer.why || say("no_answer") })); return; }
    const name = path.slice(path.lastIndexOf("/") + 1).split("?")[0];
    const link = make("a", "paper");
    link.href = URL.createObjectURL(answer.value);
    link.target = "_blank";
    put(link, say("open_pdf", { name }));
    trouble.replaceChildren(link);
    trouble.hidden = false;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 600_000);
  };

  $("print").addEventListener("click", () => { show($("printing-trouble"), ""); $("printing").showModal(); });
  $("printing-close").addEventListener("click", () => $("printing").close());
  $("print-list").addEventListener("click", () => app.paper("/v1/paper/pick-list.pdf", $("printing-trouble")));
  $("print-bags").addEventListener("click", () => {
    const packed = app.board().orders.filter((one) => ["picking", "picked", "packed"].includes(one.state)).slice(0, MOST_ON_PAPER);
    if (!packed.length) { show($("printing-trouble"), say("print_bags_none")); return; }
    app.paper(`/v1/paper/bags.pdf?${packed.map((one) => `order=${encodeURIComponent(one.order)}`).join("&")}`, $("printing-trouble"));
  });
  $("print-page").addEventListener("click", () => { $("printing").close(); print(); });
}
