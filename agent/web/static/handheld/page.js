// The handheld's page: who works, what the job is, and which one thing is on the screen.

import { make, put, show } from "../document.js";
import { duration, firstLanguage, rememberLanguage } from "../language.js";
import { keeping } from "../keeping.js";
import { openLine } from "../line.js";
import { keep, kept, random, setting } from "../settings.js";
import { GAP_MS } from "../wedge.js";
import { readScan } from "./codes.js";
import { countingScreen } from "./counting.js";
import { packScreen, stageScreen, waitScreen } from "./finishing.js";
import { handScreen, handingScreen } from "./handing.js";
import { here, progress, step, withEntries } from "./job.js";
import { deviceScreen, menuScreen } from "./menu.js";
import { orderingScreens, payingScreen } from "./ordering.js";
import { openOutbox } from "./outbox.js";
import { homeScreen, lostScreen, signScreen } from "./people.js";
import { numberScreen } from "./pad.js";
import { inChinese } from "./refusals.js";
import { openSink } from "./sink.js";
import { play, wake } from "./sounds.js";
import { insteadScreen, walkScreen } from "./walking.js";
import { WORDS, fill } from "./words.js";

const NEXT_EVERY_MS = 4000;
const TASK_EVERY_MS = 10_000;
const PROBE_EVERY_MS = 2500;
const GONE = new Set(["cancel_requested", "cancelled"]);
const HISTORY = 40; // as many steps can be undone
const TYPED_MS = 5000; // what was typed longer ago begins no code

const $ = (id) => document.getElementById(id);
let language = firstLanguage(WORDS);
let overlay = null; // what somebody asked for by a key, over what is next: {name, …}
let back = null; // where a number that is typed returns to
let shown = "";
let goneAt = 0;
let nextAt = 0;
let turn = 0; // grows with whatever changes the job: an answer to a question from before says nothing of it
let made = { from: [], task: null }; // what app.task() gave last, and what it was made from
let typed = {}; // what no screen took: {screen, at, text}
let session = ""; // "": not asked yet, "in", "out", or "kept": known from before, without a line

/** What a screen works with: everything it may do to the page is here. */
const app = {
  $, device: kept("scanner", "") || `page-${random()}`,
  worker: null, next: null, forms: [], job: null, wrongs: 0,
  t: (key, values) => fill(WORDS[language], key, values),
  span: (ms) => duration(language, ms),
  nameOf: (one) => (language === "zh" ? one.name_zh || one.name_en : one.name_en || one.name_zh) || one.sku,
  refusal: (why) => (language === "zh" ? inChinese(why) : why),
  loud: Number(setting("loud", "1")),
  screens: {},
  scanner: () => ({
    layout: setting("scanner_layout", "us"), prefix: setting("scanner_prefix", ""), suffix: setting("scanner_suffix", ""),
    gapMs: Math.min(1000, Math.max(20, Number(setting("scanner_gap", "")) || GAP_MS)),
  }),
};
keep("scanner", app.device);

// A job: `{task}` as the store last told it, and what is only ours: `turnedTo` a stop, `tried` other places, `instead` of a
// line, `history` for undo, `checked`: the scan of a stop's item, `asked`: stops the customer is asked about.
const newJob = (task) => ({ task, turnedTo: "", tried: {}, instead: {}, checked: {}, asked: {}, history: [] });
const keepJob = () => app.memory.set("job", app.job);

/** The task as it stands, made anew only when something in it has changed: a scan looks at it several times before it sounds. */
app.task = () => {
  if (!app.job) return null;
  const { task, asked } = app.job;
  const { waiting } = app.outbox;
  const from = [task, waiting.length, waiting[0]?.n, waiting.at(-1)?.n, Object.keys(asked).join()];
  if (!from.every((one, at) => one === made.from[at])) made = { from, task: withEntries(task, waiting, asked) };
  return made.task;
};
app.stop = (task = app.task()) => task && here(task, app.job.turnedTo);

/** Sound, buzz and colour at once, before anything is drawn or sent. */
app.signal = (name) => {
  play(name, app.loud);
  const again = document.body.classList.contains("again") ? "" : "again"; // the same twice flashes twice
  document.body.className = `${name} ${again}`;
};

app.say = (text) => put($("said"), text);
app.tell = (text) => { put($("told-words"), text); $("told").hidden = !text; };
app.wrong = (text) => { app.signal("wrong"); app.wrongs += 1; app.last(text, "wrong"); };
app.last = (text, state = "none", entry = "") => { app.lastSaid = { text, state, entry }; app.say(text); };

app.open = (name, more = {}) => { overlay = { name, ...more }; draw(); app.screens[name].enter?.(overlay); };
app.close = () => { overlay = null; draw(); };
app.asked = () => overlay;

/** Asks for a number or a code: `{title, about, most, letters, all}`; `then(text)` gets it. */
app.askFor = (question, then) => { back = overlay; app.open("number", { question, then: (text) => { overlay = back; then(text); draw(); } }); };
app.askedBack = () => { overlay = back; draw(); };

const bytes = (count) => [...crypto.getRandomValues(new Uint8Array(count))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Reports a fact of the job: it counts here at once and at the store when it arrives. */
app.report = (body, stop = "", of = null, undoes = "") => {
  const { id: task, token } = app.job.task;
  const id = `${app.device}-${bytes(16)}`;
  const entry = { id, kind: "report", task, token, at_ms: Date.now(), stop, of, body: undoes ? { ...body, undoes } : body };
  app.outbox.add(entry);
  turn += 1;
  if (!undoes && stop) app.job.history = [...app.job.history, { id, body, stop, stays: of?.stays === true }].slice(-HISTORY);
  keepJob();
  return id;
};

app.pack = (order, bags) => {
  const { id: task, token } = app.job.task;
  turn += 1;
  app.outbox.add({ id: bytes(8), kind: "pack", task, token, at_ms: Date.now(), body: { order, bags } });
};

app.undo = () => {
  const last = app.job.history.pop();
  if (!last) { app.wrong(app.t("nothing_to_undo")); return draw(); }
  const { outcome, order, line, qty } = last.body;
  app.report({ outcome: "undo", order, line, qty }, last.stop, last.stays ? { ...last.body, outcome: "" } : last.body, last.id);
  const stop = app.task().stops.find((one) => one.stop === last.stop);
  if (stop) {
    app.job.turnedTo = stop.stop;
    if (last.stays) app.job.tried[stop.stop] -= 1;
  }
  app.signal("right");
  app.last(app.t("undone", { name: stop ? app.nameOf(stop) : order }));
  return draw();
};

app.turnTo = (stop) => { app.job.turnedTo = stop.stop; };
app.keepJob = keepJob;

/** Takes over what the store says of the task; null, or one that is done, ends it. */
app.heardTask = (task) => {
  turn += 1;
  if (!task || task.state === "done") {
    if (app.job && (!task || task.id === app.job.task.id)) { app.job = null; keepJob(); refresh(); }
  } else {
    if (app.job?.task.id !== task.id) app.job = newJob(task);
    for (const order of task.orders) {
      const before = app.job.task.orders.find((one) => one.order === order.order);
      if (GONE.has(order.state) && !GONE.has(before?.state)) { app.signal("wrong"); app.tell(app.t("gone_order", order)); }
    }
    app.job.task = { ...task, token: task.token ?? app.job.task.token, heardAt: Date.now() };
    const waits = new Set(task.orders.filter((order) => order.next === "wait").map((order) => order.order));
    for (const { stop, order } of task.stops) {
      if (app.job.asked[stop] && !waits.has(order)) { delete app.job.asked[stop]; app.signal("right"); app.last(""); } // it is answered
    }
    keepJob();
  }
  draw();
};

/** Claims the next job: `{}`, `{take_over: task}` or `{kind: "put_back"}`. */
app.claim = async (wish) => {
  const answer = await app.line.request("/v1/pick/claim", wish);
  if (answer.status === 200) { app.last(""); app.heardTask(answer.value); app.signal("right"); } else app.tell(answer.status ? answer.why : app.t("gap_needs"));
  refresh();
};

app.leave = async () => {
  const answer = await app.line.request(`/v1/pick/tasks/${encodeURIComponent(app.job.task.id)}/leave`, { token: app.job.task.token });
  if (answer.why || answer.status === 0) { app.tell(answer.why || app.t("gap_needs")); return; }
  app.job = null;
  keepJob();
  app.close();
  refresh();
};

/** Somebody is in; `key` is this browser's for the session, when it is a new one. */
app.signedIn = (value, key) => {
  session = "in";
  app.chosen = undefined; // the next one to sign in here has a language of their own
  if (key) { app.line.key = key; app.memory.set("key", key); }
  app.worker = value.worker;
  app.line.csrf = value.csrf;
  app.memory.set("worker", value.worker);
  if (value.worker.lang in WORDS) speak(value.worker.lang);
  app.outbox.flush();
  refresh();
  learnCodes();
  app.resumeOrder();
};

app.signOut = async () => {
  const answer = await app.line.request("/v1/session", undefined, "DELETE");
  if (answer.status === 0) { app.tell(app.t("gap_needs")); return; }
  signedOut();
  app.close();
};

app.switchLanguage = () => {
  speak(language === "en" ? "zh" : "en");
  app.chosen = language;
  if (app.worker) app.line.request("/v1/session/lang", { lang: language });
  draw();
};

function signedOut() {
  session = "out";
  app.worker = null;
  app.memory.set("worker", null);
  draw();
}

function speak(code) {
  language = code;
  rememberLanguage(code);
  document.documentElement.lang = code;
  for (const node of document.querySelectorAll("[data-t]")) put(node, app.t(node.dataset.t));
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", app.t(node.dataset.tLabel));
  put($("language"), app.t("other_language"));
  for (const screen of Object.values(app.screens)) screen.speak?.();
}

/** Which screen is next: what was asked for, or what the job needs. */
function screenNow(task) {
  if (!app.worker) return "sign";
  if (overlay) return overlay.name;
  if (!task) return "home";
  const { step: wanted } = step(task, app.job.turnedTo);
  return wanted === "over" ? "home" : wanted;
}

function draw() {
  const task = app.task();
  const name = screenNow(task);
  if (name !== shown) {
    if (shown) $(shown).hidden = true;
    $(name).hidden = false;
    shown = name;
    scrollTo(0, 0);
  }
  app.screens[name].draw(task);
  drawBar(task);
}
app.draw = draw;

function drawBar(task) {
  const [over, all] = task ? progress(task) : [0, 0];
  put($("who"), task ? `${over} / ${all}` : app.worker?.name ?? "Nearshelf");
  put($("what"), task ? task.orders.map((order) => order.short).join(" · ") : "");
  const left = task ? app.dueMs(task) : null;
  put($("clock"), left === null ? "" : `${left < 0 ? "−" : ""}${Math.floor(Math.abs(left) / 60_000)}:${String(Math.floor(Math.abs(left) / 1000) % 60).padStart(2, "0")}`);
  $("clock").classList.toggle("late", left !== null && left < 0);
  $("more").hidden = !app.worker;
  $("language").hidden = Boolean(app.worker);
  const n = app.outbox.waiting.length;
  const age = app.span(Date.now() - goneAt);
  const kept = app.memory.lasts ? app.outbox.kept() : n;
  show($("gap"), !app.line.up ? app.t(kept === 1 ? "gap_waiting_one" : n ? "gap_waiting" : "gap", { age, n: kept })
    : session === "out" && n ? app.t("sign_again", { n }) : n > 3 ? app.t("sending", { n }) : !app.memory.lasts && n ? app.t("nothing_kept") : "");
}

/** Milliseconds until a task or an order is due: what the store said, less what has passed since. */
app.dueMs = (one) => (one.due_in_s == null ? null : one.due_in_s * 1000 - (Date.now() - (app.job?.task.heardAt ?? app.nextHeardAt ?? Date.now())));

async function refresh() {
  nextAt = Date.now();
  if (!app.worker || session !== "in") return;
  const asked = turn;
  const answer = await app.line.request("/v1/pick/next");
  if (answer.status === 401) return signedOut();
  if (answer.status !== 200) return;
  app.next = answer.value;
  app.nextHeardAt = Date.now();
  const mine = answer.value.mine;
  if (asked !== turn) app.next = { ...app.next, mine: null };
  else if (app.job && !app.outbox.waiting.length) {
    if (!mine) {
      const left = app.task();
      if (step(left, "").step !== "over") { app.signal("wrong"); app.tell(app.t("gone_task", { short: left.orders.map((one) => one.short).join(" · ") })); }
      app.heardTask(null);
    } else if (mine.id === app.job.task.id && (mine.token ?? app.job.task.token) === app.job.task.token) app.heardTask(mine);
  }
  draw();
}
app.refresh = refresh;

/** What the store did with reports. What it refused is said loudly; the task as it knows it replaces ours. */
function onAnswer(entries, { status, value, why }) {
  const results = value?.results ?? entries.map(({ id }) => ({ id, outcome: status === 200 ? "entered" : "refused", why: value?.mistakes?.[0]?.problem ?? why }));
  const refused = results.filter((one) => one.outcome === "refused");
  const mine = app.job && entries[0].task === app.job.task.id;
  const told = value?.id ? value : value?.task; // a pack is answered with the task itself
  if (mine && told !== undefined && !value.lost) app.heardTask(told);
  if (mine && value?.lost) {
    const stops = refused.map((one) => entries.find((entry) => entry.id === one.id)?.stop).map((name) => app.job.task.stops.find((stop) => stop.stop === name));
    app.job = null;
    keepJob();
    app.signal("wrong");
    app.open("lost", { by: value.name ?? value.worker ?? "", back: stops.filter(Boolean) });
  } else if (refused.length) {
    app.signal("wrong");
    app.tell(app.t("refused", { why: [...new Set(refused.map((one) => app.refusal(one.why)))].join(" · ") }));
  }
  const last = app.lastSaid;
  const mineOf = last && results.find((one) => one.id === last.entry);
  if (mineOf) last.state = mineOf.outcome === "refused" ? "bad" : "";
}

async function askSession() {
  const answer = await app.line.request("/v1/session");
  if (answer.status === 200) app.signedIn(answer.value);
  else if (answer.status === 401) signedOut();
  else if (app.worker) session = "kept";
  draw();
}

/** How the store's own codes are made: with it a weight is read here, also without a line. */
async function learnCodes() {
  const codes = await app.line.request("/v1/pick/codes");
  if (codes.status === 200) { app.forms = codes.value.forms; app.memory.set("forms", app.forms); }
}

function onLine(up) {
  if (!up) { goneAt = Date.now(); app.memory.set("gone", goneAt); } else { app.say(app.t("back_now")); setTimeout(onBack); }
  draw();
}

function onBack() {
  if (session === "in") { app.outbox.flush(); refresh(); } else askSession();
}

function onTick() {
  const passed = Date.now() - nextAt;
  if (!app.line.up) {
    if (passed > PROBE_EVERY_MS && (!app.outbox.waiting.length || session !== "in")) { nextAt = Date.now(); askSession(); }
  } else if (!document.hidden && passed > (app.job ? TASK_EVERY_MS : NEXT_EVERY_MS)) refresh();
  drawBar(app.task());
  app.screens[shown].tick?.();
}

function onScan(text) {
  wake();
  const screen = app.screens[screenNow(app.task())];
  screen.onScan?.(readScan(text, app.forms), text);
  draw();
}

app.scan = onScan;

/** What is too short to be told from typing is a code once its Enter has come, unless the screen takes what is typed. */
function onTyped(text) {
  wake();
  const screen = screenNow(app.task());
  if (app.screens[screen].onTyped?.(text)) return;
  const goesOn = typed.screen === screen && Date.now() - typed.at < TYPED_MS;
  typed = { screen, at: Date.now(), text: (goesOn ? typed.text : "") + text };
}

function onEnter() {
  const screen = screenNow(app.task());
  const { prefix, suffix } = app.scanner();
  let { text } = typed.screen === screen ? typed : { text: "" };
  typed = {};
  if (!text) { app.screens[screen].onEnter?.(); return; }
  if (text.startsWith(prefix) && text.endsWith(suffix)) text = text.slice(prefix.length, text.length - suffix.length);
  if (text) onScan(text);
}

async function begin() {
  const remembered = keeping().then(async (memory) => {
    app.memory = memory;
    return Promise.all([memory.reports(), ...["job", "worker", "forms", "key"].map(memory.get)]);
  });
  Object.assign(app.screens, { // while the disk answers
    sign: signScreen(app), home: homeScreen(app), lost: lostScreen(app), walk: walkScreen(app), instead: insteadScreen(app),
    number: numberScreen(app), pack: packScreen(app), stage: stageScreen(app), wait: waitScreen(app), hand: handScreen(app),
    handing: handingScreen(app), counting: countingScreen(app), menu: menuScreen(app), device: deviceScreen(app),
    ...orderingScreens(app), paying: payingScreen(app),
  });
  speak(language);
  app.line = openLine(onLine);
  const [entries, job, worker, forms, key] = await remembered;
  app.line.key = key ?? null;
  app.outbox = openOutbox({
    line: app.line, memory: app.memory, entries, onAnswer, onChange: () => draw(),
    onSignIn: () => { session = "out"; askSession(); },
  });
  app.job = job ?? null;
  app.worker = worker ?? null;
  app.forms = forms ?? [];
  draw();
  app.listenAnew = openSink($("sink"), {
    onScan, onTyped, onEnter,
    onLayout: (name) => { keep("scanner_layout", name); app.tell(app.t("layout_set")); app.screens.device.draw(); },
    onTrouble: (kind) => app.tell(app.t(`trouble_${kind}`)),
  }, app.scanner());
  addEventListener("pointerdown", wake);
  $("told-close").addEventListener("click", () => app.tell(""));
  $("language").addEventListener("click", app.switchLanguage);
  $("more").addEventListener("click", () => (overlay?.name === "menu" ? app.close() : app.open("menu")));
  addEventListener("online", () => { nextAt = 0; onTick(); });
  setInterval(onTick, 1000);
  document.body.dataset.ready = "yes";
  if (app.worker) { askSession(); app.resumeOrder(); } else session = "out";
}

/** With a trusted certificate the browser keeps the page itself, too, and starts it without a line. */
function install() {
  navigator.serviceWorker?.register("/handheld/worker.js", { scope: "/handheld" }).catch(() => { /* the page works without */ });
}

/** A key of a screen. */
app.key = (className, key, onClick) => {
  const node = make("button", `key ${className}`);
  node.type = "button";
  if (key) node.dataset.t = key;
  node.addEventListener("click", onClick);
  return node;
};

begin();
install();
