// Who works here: the badge and the PIN; the next job; and the word that a task went to somebody else.

import { keep, make, put, show } from "../document.js";
import { signIn } from "../signing.js";
import { digits } from "./pad.js";
import { progress } from "./job.js";

const PIN_LENGTH = 12; // no PIN is longer

export function signScreen(app) {
  const { $, t } = app;
  let badge = "";
  let pin = "";
  let why = () => "";
  let asking = false;

  async function enter() {
    if (asking || !badge || !pin) return;
    asking = true;
    const told = await signIn(app.line, badge, pin, app.chosen);
    asking = false;
    pin = "";
    if (!told.trouble) { badge = ""; why = () => ""; app.signedIn(told, told.kept); app.signal("done"); return; }
    app.signal("wrong");
    why = () => (told.trouble === "other" ? told.why : t(`sign_${told.trouble}`, { age: app.span(told.waitMs) }));
    draw();
  }

  const press = (digit) => { if (badge && pin.length < PIN_LENGTH) pin += digit; why = () => ""; draw(); };
  const heard = (text) => { badge = text; pin = ""; why = () => ""; $("sign-field").hidden = true; app.signal("right"); draw(); };

  function draw() {
    put($("sign-badge"), badge ? `${t("badge_is", { badge })} · ${t("pin")}` : t("scan_badge"));
    put($("sign-pin"), "●".repeat(pin.length));
    show($("sign-why"), why());
    for (const key of $("sign-keys").children) key.disabled = !badge;
    $("sign-type").hidden = Boolean(badge);
  }

  digits(app, $("sign-keys"), "enter", { onDigit: press, onErase() { pin = pin.slice(0, -1); draw(); }, onDone: enter });
  $("sign-type").addEventListener("click", () => {
    // Nobody is signed in, so the screen stays this one: a browser's own question would not sound or look like ours.
    const field = $("sign-field");
    field.hidden = !field.hidden;
    if (!field.hidden) field.focus();
  });
  $("sign-field").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.value) return;
    heard(event.target.value.trim());
    event.target.value = "";
  });

  return {
    draw, onEnter: enter,
    onTyped(text) { for (const sign of text) if (/\d/.test(sign)) press(sign); return Boolean(badge); },
    onScan(scan) { heard(scan.text); },
  };
}

export function homeScreen(app) {
  const { $, t } = app;

  /** The one next job: what was begun, an order, what is to be put back, what is to be counted. */
  function job(task) {
    const next = app.next;
    if (task) return { title: t("all_done_gap"), words: t("sending", { n: app.outbox.waiting.length }) };
    if (!next) return { title: t("loading"), words: app.line.up ? "" : t("gap_needs") };
    if (next.mine) {
      const [over, all] = progress(next.mine);
      return { title: t("task_elsewhere"), words: `${over} / ${all}`, key: "go_on_here", take: () => app.claim({ take_over: next.mine.id }) };
    }
    if (next.offer) {
      const { kind = "pick" } = next.offer;
      const others = next.waiting - (kind === "pick" ? next.offer.orders.length : 0);
      return { title: t("next_job"), offer: next.offer, others, key: kind === "pick" ? "start" : "put_back_start", take: () => app.claim({ kind }) };
    }
    if (next.put_back) return { title: t("put_back_job", { n: next.put_back }), words: t("put_back_words"), key: "put_back_start", take: () => app.claim({ kind: "put_back" }) };
    if (next.counts) return { title: t("count_job"), words: t("count_jobs", { n: next.counts }), key: "count_start", take: () => app.open("counting") };
    return { title: t("nothing"), words: t("nothing_words") };
  }

  function draw(task) {
    const now = job(task);
    put($("home-title"), now.title);
    show($("home-words"), now.words ?? "");
    $("offer").hidden = !now.offer;
    if (now.offer) drawOffer(now.offer);
    show($("home-waiting"), now.others > 0 ? t("also_waiting", { n: now.others }) : "");
    $("claim").hidden = !now.key;
    $("claim").disabled = !app.line.up;
    put($("claim"), now.key ? t(now.key) : "");
    take = now.take;
  }

  function drawOffer({ orders, lines, units, due_in_s: due, reason }) {
    put($("offer-short"), orders.map((order) => order.short ?? order).join(" · "));
    const left = due * 1000 - (Date.now() - app.nextHeardAt);
    put($("offer-what"), t(left < 0 ? "offer_late" : "offer_what", { lines, units, age: app.span(Math.abs(left)) }));
    const code = reason?.code ?? reason ?? "";
    const said = document.documentElement.lang === "zh" ? reason?.zh : reason?.en;
    put($("offer-why"), said ?? (t(`reason_${code}`) === `reason_${code}` ? code : t(`reason_${code}`)));
  }

  let take = null;
  let taking = false;
  $("claim").addEventListener("click", async () => {
    if (taking || !take) return;
    taking = true;
    await take();
    taking = false;
  });
  return { draw, tick: () => draw(app.task()), onEnter: () => $("claim").click(), onScan: (scan) => app.whatIs(scan) };
}

/** Two handhelds had one task, and the other one has it. */
export function lostScreen(app) {
  const { $, t } = app;
  $("lost-ok").addEventListener("click", () => { app.close(); app.refresh(); });
  return {
    draw() {
      const { by, back } = app.asked();
      put($("lost-words"), `${by ? t("lost_to", { name: by }) : t("lost_nobody")} ${back.length ? t("lost_not") : ""}`);
      keep($("lost-list"), back, (stop) => stop.stop, () => make("li", "line"), (node, stop) => put(node, `${app.nameOf(stop)} · ${stop.spot}`));
    },
  };
}
