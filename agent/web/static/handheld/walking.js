// The guided walk: where, what, how many, which tote; a scan decides, and what is wrong with an item takes one key.

import { keep, make, mark, put, show } from "../document.js";
import { isOf } from "./codes.js";
import { after, band, here, isOpen, need, toteNumber } from "./job.js";

const MANY = 4; // from so many on a key takes the rest at once
const PROBLEMS = [["not_found", "short"], ["damaged", "damaged"], ["expired", "expired"], ["wrong_price", "wrong_price"], ["held", "held_by_customer"]];
const saidOf = (outcome) => ({ short: "said_short", held_by_customer: "said_held" })[outcome] ?? `said_${outcome}`;

/** What stands on the tote an order goes into. */
export const labelOf = (task, order) => task.totes.find((tote) => tote.order === order)?.label ?? "?";

/** A place in words: aisle, side, bay, level, as far as they are known. */
function inWords({ t }, stop) {
  const parts = [stop.aisle && t("aisle", stop), stop.side && t(`side_${stop.side}`), stop.bay && t("bay", stop), stop.level && t("level", stop)];
  return parts.filter(Boolean).join(" · ");
}

/** Where else it may be: its other faces on the floor, then the backroom, if the books have some there. */
const elsewhere = (stop) => [
  ...(stop.other_spots ?? []).map((spot) => ({ spot, place: "FLOOR" })),
  ...(stop.backroom > 0 ? [{ spot: "", place: "BACKROOM" }] : []),
];

export function walkScreen(app) {
  const { $, t } = app;

  /** What to take at a stop now: the item or its substitute, and the place to look at. */
  function target(stop) {
    const instead = app.job.instead[stop.stop] ?? (stop.answer === "substitute" ? stop.wishes?.[0] : null);
    const tried = app.job.tried[stop.stop] ?? 0;
    const other = tried ? elsewhere(stop)[tried - 1] : null;
    if (instead) return { ...instead, spot: instead.spot ?? "", place: "FLOOR", instead: true, unit: stop.unit };
    return { ...stop, place: "FLOOR", ...(other ? { aisle: null, side: "", bay: null, level: null, ...other, elsewhere: true } : {}) };
  }

  /** The scanned item goes where the line wants it. */
  function take(stop, scan, qty = 1) {
    const task = app.task();
    const wanted = target(stop);
    if (!need(stop)) return app.wrong(t("enough", { name: app.nameOf(wanted) }));
    const body = { order: stop.order, line: stop.line, qty, tote: stop.tote ?? "", place: wanted.place };
    if (scan) body.scan = { text: scan.text, aim: scan.aim };
    if (scan) app.job.checked[stop.stop] = body.scan;
    if (scan?.expired && task.kind === "pick") return app.wrong(t("is_expired", { name: app.nameOf(wanted) }));
    if (task.kind === "put_back") Object.assign(body, { outcome: "put_back", slot: stop.slot ?? "" });
    else if (wanted.instead) Object.assign(body, { outcome: "substituted", substitute: wanted.sku });
    else if (stop.unit === "gram") return weigh(stop, body, scan);
    else body.outcome = "picked";
    return enter(stop, wanted, body);
  }

  function enter(stop, wanted, body) {
    const id = app.report(body, stop.stop);
    const now = app.task()?.stops.find((one) => one.stop === stop.stop);
    if (!now || !isOpen(now)) app.job.turnedTo = "";
    app.signal(now && isOpen(now) ? "right" : "done");
    const said = body.outcome === "put_back" ? "took_back" : "took";
    app.last(t(said, { name: app.nameOf(wanted), tote: labelOf(app.task() ?? { totes: [] }, stop.order) }), "wait", id);
    app.keepJob();
  }

  /** A package's weight must be within the band; where its code does not say it, somebody reads it from the label. */
  function weigh(stop, body, scan) {
    const [least, most] = band(stop);
    const taken = (grams) => {
      const total = stop.done + grams;
      if (total > most) return app.wrong(t("too_heavy", { grams, least, most }));
      if (total < least) return app.wrong(t("too_light", { grams, least, most }));
      return enter(stop, stop, { ...body, outcome: "weighed", qty: grams });
    };
    if (scan?.grams != null) return taken(scan.grams);
    app.signal("right");
    return app.askFor({ title: t("how_heavy"), about: `${app.nameOf(stop)} · ${t("grams", { least, most })}` }, (text) => taken(Number(text)));
  }

  function onScan(scan) {
    const task = app.task();
    const stop = here(task, app.job.turnedTo);
    const known = task.stops.find((one) => scan.text === one.spot);
    if (scan.text === target(stop).spot) { app.signal("right"); return app.last(t("at_place")); }
    if (known && !isOpen(known)) return app.wrong(t("wrong_place", { spot: known.spot }));
    if (known) { if (known.spot !== stop.spot) app.wrong(t("wrong_place", { spot: known.spot })); return null; }
    if (isOf(scan, target(stop).gtins)) return take(stop, scan);
    const other = task.stops.find((one) => one !== stop && isOpen(one) && isOf(scan, target(one).gtins));
    if (other) { app.turnTo(other); return take(other, scan); }
    const full = task.stops.find((one) => !isOpen(one) && isOf(scan, one.gtins));
    if (full) return app.wrong(t("enough", { name: app.nameOf(full) }));
    if (scan.gtins.length || scan.fronts.length) {
      app.wrong(t("wrong_item"));
      return whose(scan, stop, false);
    }
    return app.line.up ? whose(scan, stop, true) : app.wrong(t("code_is_unsure"));
  }

  /** Asks the store what a code is: to name a wrong item, or where only the store can read it. */
  async function whose(scan, stop, undecided) {
    const before = app.wrongs;
    const answer = await app.line.request("/v1/pick/find", { text: scan.text, aim: scan.aim });
    const found = answer.status === 200 ? answer.value : null;
    const same = app.stop()?.stop === stop.stop;
    if (undecided && found?.sku && found.sku === target(stop).sku && same) take(app.stop(), { ...scan, grams: found.grams ?? null });
    else if (undecided) app.wrong(found?.sku ? t("wrong_item_is", { name: app.nameOf(found) }) : t("unknown_code"));
    else if (found?.sku && before === app.wrongs) app.last(t("wrong_item_is", { name: app.nameOf(found) }), "wrong");
    app.draw();
  }

  function problem(outcome) {
    const stop = app.stop();
    const wanted = target(stop);
    const gone = outcome === "short" || outcome === "held_by_customer";
    const tried = app.job.tried[stop.stop] ?? 0;
    if (gone && wanted.instead) {
      delete app.job.instead[stop.stop];
      return app.open("instead", { stop: stop.stop, body: { outcome: "short", order: stop.order, line: stop.line, qty: need(stop), tote: stop.tote ?? "", place: "FLOOR" } });
    }
    const other = gone ? elsewhere(stop)[tried] : undefined;
    if (other) { app.job.tried[stop.stop] = tried + 1; app.turnTo(stop); }
    if (other?.place === "FLOOR") { // another face: only when none of them has it, it is not found on the floor
      app.signal("right");
      app.last(t("other_place"));
      app.keepJob();
      return app.draw();
    }
    const qty = gone ? need(stop) : stop.unit === "gram" ? 0 : 1;
    const body = { outcome, order: stop.order, line: stop.line, qty, tote: stop.tote ?? "", place: wanted.place };
    app.signal("right");
    // What else the customer may take is asked before the line is given up: afterwards it is closed.
    const mayBe = app.task().kind === "pick" && app.line.up && !["remove", "cancel"].includes(stop.unavailable);
    if (gone && !other && mayBe) return app.open("instead", { stop: stop.stop, body });
    const id = app.report(body, stop.stop, other ? { stays: true } : null);
    app.last(other ? t("other_place") : t(saidOf(outcome), { name: app.nameOf(wanted) }), "wait", id);
    return app.draw();
  }

  function many() {
    const stop = app.stop();
    if (!stop || stop.unit === "gram") { if (stop) weighByHand(stop); return; }
    if (!app.job.checked[stop.stop]) { app.wrong(t("scan_one")); app.draw(); return; }
    const most = need(stop);
    app.askFor({ title: t("how_many"), about: t("most", { most }), all: most }, (text) => {
      const qty = Number(text);
      if (qty >= 1 && qty <= most) take(app.stop(), app.job.checked[stop.stop], qty); else app.wrong(t("most", { most }));
    });
  }

  const weighByHand = (stop) => weigh(stop, { order: stop.order, line: stop.line, tote: stop.tote ?? "", place: "FLOOR" }, null);

  $("count").addEventListener("click", many);
  $("all").addEventListener("click", () => { const stop = app.stop(); take(stop, app.job.checked[stop.stop], need(stop)); app.draw(); });
  for (const [word, outcome] of PROBLEMS) $("keys").append(app.key("", word, () => problem(outcome)));
  $("keys").append(app.key("", "undo", app.undo));

  function draw(task) {
    const stop = here(task, app.job.turnedTo);
    if (!stop) return;
    const wanted = target(stop);
    put($("spot"), wanted.place === "BACKROOM" ? t("backroom") : wanted.spot || t("no_spot"));
    put($("spot-words"), [wanted.elsewhere ? t("other_place") : "", inWords(app, wanted)].filter(Boolean).join(" · "));
    put($("name"), app.nameOf(wanted));
    put($("about"), wanted.sku);
    drawChips(stop, wanted, task);
    drawMuch(stop, task);
    const last = app.lastSaid ?? { text: "", state: "none" };
    put($("last-words"), last.text);
    $("last").className = `last ${last.state === "wrong" ? "wrong" : ""}`;
    mark($("last-mark"), { wrong: "bad", none: "none", wait: "wait", bad: "bad" }[last.state] ?? "");
    const then = after(task, stop);
    put($("next"), then ? t("then", { spot: then.spot || t("no_spot"), name: app.nameOf(then) }) : t(task.kind === "pick" ? "then_none" : "then_over"));
    for (const key of $("keys").children) if (key.dataset.t !== "undo") key.hidden = task.kind === "put_back";
  }

  function drawChips(stop, wanted, task) {
    const chips = [
      task.kind === "put_back" && ["care", t(stop.waste ? "throw_away" : "put_back")], wanted.instead && ["care", t("substitute")],
      ["chilled", "frozen"].includes(stop.temperature) && ["cold", t(stop.temperature)],
      stop.answer && ["care", t(`answer_${stop.answer}`)], stop.scarce && ["care", t("scarce")], stop.min_age && ["care", t("age_check", { age: stop.min_age })],
    ].filter(Boolean);
    keep($("chips"), chips, ([, text]) => text, () => make("span"), (node, [shape, text]) => { node.className = shape; put(node, text); });
  }

  function drawMuch(stop, task) {
    const left = need(stop);
    const grams = stop.unit === "gram";
    const [least, most] = band(stop);
    put($("left"), grams ? t("weight", { grams: stop.qty }) : String(left));
    $("count").classList.toggle("grams", grams);
    put($("left-of"), grams ? t("grams", { least, most }) : t("pieces", { qty: stop.qty }));
    $("all").hidden = grams || left < MANY - 1 || !app.job.checked[stop.stop];
    put($("all-count"), `+${left}`);
    const number = toteNumber(task, stop.order);
    $("tote").className = `tote t${number % 6}`;
    put($("tote-label"), labelOf(task, stop.order));
    put($("tote-order"), t("for_order", { short: stop.short }));
  }

  return { draw, onScan };
}

/** What else the customer may take: ranked by the store, with why. */
export function insteadScreen(app) {
  const { $, t } = app;
  let candidates = null;
  const stopNow = () => app.task()?.stops.find((one) => one.stop === app.asked().stop);

  function why(one) {
    const codes = Array.isArray(one.why) ? one.why : [one.why];
    return codes.filter(Boolean).map((code) => (t(`why_${code}`) === `why_${code}` ? code : t(`why_${code}`))).join(" · ");
  }

  function choose(one) {
    const stop = stopNow();
    app.turnTo(stop);
    app.job.instead[stop.stop] = one;
    app.last(t("take_this", { name: app.nameOf(one) }));
    app.keepJob();
    app.close();
  }

  $("instead-without").addEventListener("click", () => {
    const { body, stop } = app.asked();
    const id = app.report(body, stop);
    app.last(t(saidOf(body.outcome), { name: app.nameOf(stopNow() ?? { sku: "" }) }), "wait", id);
    app.close();
  });
  $("instead-ask").addEventListener("click", async () => {
    const { order, line } = stopNow();
    const { token } = app.job.task;
    const answer = await app.line.request("/v1/pick/ask", { token, order, line, candidates: (candidates ?? []).map((one) => one.sku) });
    if (answer.status !== 200) { app.tell(answer.why || t("gap_needs")); return; }
    app.job.asked[app.asked().stop] = true;
    app.heardTask(answer.value);
    app.signal("right");
    app.last(t("asked"));
    app.close();
  });

  return {
    async enter() {
      candidates = null;
      const stop = stopNow();
      const answer = await app.line.request(`/v1/pick/substitutes?order=${encodeURIComponent(stop.order)}&line=${stop.line}`);
      if (app.asked()?.name !== "instead") return;
      candidates = answer.value?.candidates ?? answer.value?.substitutes ?? [];
      if (!Array.isArray(candidates)) candidates = [];
      app.draw();
    },
    draw() {
      const stop = stopNow();
      if (!stop) { app.close(); return; }
      put($("instead-title"), t("instead_of", { name: app.nameOf(stop) }));
      put($("instead-wish"), stop.unavailable ? t(`wish_${stop.unavailable}`) : "");
      show($("instead-none"), candidates === null ? t("loading") : candidates.length ? "" : t("no_candidates"));
      keep($("candidates"), candidates ?? [], (one) => one.sku, () => {
        const key = app.key("", "", () => choose(key.one));
        key.append(make("span"), make("small"));
        return make("li", "", key);
      }, (node, one) => {
        const key = node.firstChild;
        key.one = one;
        put(key.children[0], app.nameOf(one));
        put(key.children[1], [one.spot, why(one)].filter(Boolean).join(" · "));
      });
    },
  };
}
