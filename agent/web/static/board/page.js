// The store's board: for its lead, and for a screen on the wall. Whatever comes from outside is set as text, never as markup.

import { caseCards } from "../cases.js";
import { mark, put, show } from "../document.js";
import { keeping } from "../keeping.js";
import { duration, firstLanguage, rememberLanguage } from "../language.js";
import { openLine } from "../line.js";
import { follow } from "../live.js";
import { keep, setting } from "../settings.js";
import { signIn } from "../signing.js";
import { figuresView } from "./figures.js";
import { nowView } from "./now.js";
import { orderDialog, printing } from "./order.js";
import { WORDS } from "./words.js";

const BOARD_LEAST_MS = 1000; // between two boards that are fetched because something changed
const BOARD_SHARE = 20; // and so many times what the last one took: a screen on the wall must not slow the store down
const BOARD_MOST_MS = 30_000; // and without a word that it did
const DAYS_MS = 300_000;
const DAYS = 14;
const TURN_MS = 20_000; // a wall screen turns from view to view
const FRESH_MS = 45_000; // an older board is said to be old
const CASES_MAX = 8;
const VIEWS = ["now", "figures"];

const $ = (id) => document.getElementById(id);
let language = firstLanguage(WORDS);
let board = null; // the last /v1/board
let boardTookMs = 0;
let boardAt = 0; // when it came, on performance.now()
let days = null; // the last /v1/figures?days=…
let daysAt = -DAYS_MS;
let health = null; // the last /v1/health
let healthAt = 0;
let names = new Map(); // who works here, as far as this session may know
let worker = null;
let lostSince = null;
let endedAt = null; // when the session was over
let view = "now";
let memory = null;

const say = (key, values = {}) => (WORDS[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const locale = () => (language === "zh" ? "zh-CN" : "en-GB");
const span = (ms) => duration(language, ms);
const format = (options, value) => new Intl.NumberFormat(locale(), options).format(value);

const app = {
  $, say, span, line: null,
  language: () => language,
  board: () => board,
  number: (value) => format({}, value),
  rate: (value, digits = 1) => format({ maximumFractionDigits: digits }, value),
  nameOf: (one) => (language === "zh" ? one.name_zh || one.name_en : one.name_en || one.name_zh) || one.sku,
  nameOfWorker: (id) => names.get(id) || id,
  sinceBoard: () => performance.now() - boardAt,
  /** The agent's clock now, whatever this machine's clock says. */
  agentNow: () => (health ? health.at + performance.now() - healthAt : board ? board.at + app.sinceBoard() : Date.now()),
  moment(at) {
    const today = new Date(at).toDateString() === new Date().toDateString();
    return new Intl.DateTimeFormat(locale(), { ...(today ? {} : { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit" }).format(at);
  },
  dayName: (day) => new Intl.DateTimeFormat(locale(), { month: "numeric", day: "numeric" }).format(new Date(`${day}T12:00`)),
  figure: (name) => board?.today?.figures.find((one) => one.name === name && one.of),
  cases: () => health?.cases ?? board?.cases ?? [],
  caseOf: (id) => app.cases().find((one) => String(one.id) === id),
  leads: () => endedAt === null && worker !== null && worker.role !== "picker",
  openOrder: (name) => order.show(name),
  draw: () => draw(),
  refresh: () => refresh(),
  ended,
  async giveAway(task) {
    const answer = await app.line.request(`/v1/board/tasks/${encodeURIComponent(task)}/leave`, {});
    if (answer.status === 401) ended();
    put($("said"), answer.status === 200 ? "" : say("not_done", { why: answer.why || say("no_answer") }));
    refresh();
  },
};

const drawNow = nowView(app);
const drawFigures = figuresView(app);
const order = orderDialog(app);
printing(app);
const drawCaseCards = caseCards({
  say, span, number: app.number, moment: app.moment, agentNow: app.agentNow, words: (list) => list[language], asks: ["word"],
  async resolve(id, told) {
    const answer = await app.line.request(`/v1/board/cases/${id}/resolve`, told);
    if (answer.status === 401) ended();
    return answer.status === 200 ? "" : answer.why || say("no_answer");
  },
});

// Who is in

/** The session is over; what was seen last stays, and says how old it is. */
function ended() {
  worker = null;
  memory.set("worker", null);
  endedAt ??= Date.now();
  $("order").close();
  $("printing").close();
  draw();
  if (document.activeElement === document.body) $("sign-badge").focus({ preventScroll: true }); // a badge may be scanned at once
}

function cameIn(told) {
  worker = told.worker;
  endedAt = null;
  app.line.csrf = told.csrf;
  if (told.kept) { app.line.key = told.kept; memory.set("key", told.kept); }
  memory.set("worker", told.worker); // the handheld's page of this browser has the same session
  learnNames();
  daysAt = -DAYS_MS;
  refresh();
}

async function learnNames() {
  if (!app.leads()) return;
  const answer = await app.line.request("/v1/people");
  if (answer.status === 200) names = new Map(answer.value.people.map((one) => [one.id, one.name]));
  draw();
}

$("sign-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("sign-do").disabled = true;
  const told = await signIn(app.line, $("sign-badge").value.trim(), $("sign-pin").value);
  $("sign-do").disabled = false;
  $("sign-pin").value = "";
  show($("sign-why"), told.trouble === "other" ? told.why : told.trouble && say(`sign_${told.trouble}`, { age: span(told.waitMs) }));
  if (told.trouble) return;
  $("sign-badge").value = "";
  cameIn(told);
});

$("sign-badge").addEventListener("keydown", (event) => { // a scanner ends the badge with Enter
  if (event.key !== "Enter" || $("sign-pin").value) return;
  event.preventDefault();
  $("sign-pin").focus();
});

$("sign-out").addEventListener("click", async () => {
  const who = worker;
  worker = null; // nothing more is asked in their name
  await asking;
  const answer = await app.line.request("/v1/session", undefined, "DELETE");
  if (answer.status === 0) { worker = who; put($("said"), say("not_done", { why: say("no_answer") })); return; }
  board = days = null;
  await memory.set("worker", null);
  ended();
});

// The board: when something changed, at most once a second, and now and then all the same

let asking = null; // what is being asked now
let again = 0;

async function refresh() {
  clearTimeout(again);
  if (worker === null) return;
  if (asking) { again = setTimeout(refresh, BOARD_LEAST_MS); return; }
  asking = ask(worker);
  await asking;
  asking = null;
}

/** For whoever was in when it was asked: what comes after somebody else has signed in says nothing of them. */
async function ask(who) {
  const askedAt = performance.now();
  const answer = await app.line.request("/v1/board");
  if (worker !== who) return;
  if (answer.status === 401) ended();
  if (answer.status === 200) {
    board = answer.value;
    boardAt = performance.now();
    boardTookMs = boardAt - askedAt;
    for (const one of board.pickers ?? []) if (one.name !== one.worker) names.set(one.worker, one.name);
    draw();
  }
  if (app.leads() && performance.now() - daysAt > DAYS_MS) {
    daysAt = performance.now();
    const found = await app.line.request(`/v1/figures?days=${DAYS}`);
    if (found.status === 200 && worker === who) { days = found.value; draw(); }
  }
}

function changed() {
  clearTimeout(again);
  again = setTimeout(refresh, Math.max(0, Math.max(BOARD_LEAST_MS, BOARD_SHARE * boardTookMs) - app.sinceBoard()));
}

// The whole page

function drawFreshness() {
  const old = board !== null && (endedAt !== null || lostSince !== null || app.sinceBoard() > FRESH_MS);
  document.body.classList.toggle("old", old);
  mark($("fresh-mark"), old ? "down" : board ? "good" : "wait");
  put($("fresh"), board === null ? say(endedAt === null ? "loading" : "not_in") : old ? say("updated", { age: span(app.sinceBoard()) }) : say("updated_now"));
  const values = board && { time: app.moment(Date.now() - app.sinceBoard()), age: span(app.sinceBoard()) };
  show($("lost"), lostSince !== null && board ? say("board_lost", values) : lostSince !== null ? say("sign_no_line") : "");
  show($("ended"), endedAt !== null && board ? say("ended", values) : "");
  put($("clock"), new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" }).format(app.agentNow()));
}

function drawCases() {
  const cases = app.cases();
  put($("cases-count"), cases.length ? app.number(cases.length) : "");
  $("cases-none").hidden = cases.length > 0;
  show($("cases-more"), cases.length > CASES_MAX ? say("cases_more", { more: app.number(cases.length - CASES_MAX) }) : "");
  drawCaseCards($("cases"), cases, CASES_MAX, app.leads());
}

function draw() {
  drawFreshness();
  const isIn = worker !== null;
  $("sign").hidden = isIn || endedAt === null;
  $("views").hidden = $("turn-label").hidden = board === null;
  for (const id of ["print", "sign-out"]) $(id).hidden = !isIn;
  $("sheet").hidden = !app.leads();
  for (const name of VIEWS) {
    $(name).hidden = board === null || view !== name;
    $(`view-${name}`).ariaPressed = String(view === name);
  }
  if (board === null) return;
  put($("title"), `${say("title")} ${board.store}`);
  document.title = `${say("title")} ${board.store} · Nearshelf`;
  if (view === "now") { drawNow(board); drawCases(); } else drawFigures(board.today ?? null, days);
  order.draw();
}

function drawWords() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-t]")) if (node.id !== "title" || !board) put(node, say(node.dataset.t));
  for (const node of document.querySelectorAll("[data-t-placeholder]")) node.placeholder = say(node.dataset.tPlaceholder);
  for (const node of document.querySelectorAll("[data-t-label]")) node.ariaLabel = say(node.dataset.tLabel);
  put($("turn-words"), say("wall", { s: TURN_MS / 1000 }));
  put($("language"), say("other_language"));
  $("language").lang = say("other_code");
}

function turnTo(name) {
  view = name;
  draw();
}

for (const name of VIEWS) $(`view-${name}`).addEventListener("click", () => turnTo(name));
$("language").addEventListener("click", () => {
  language = say("other_code");
  rememberLanguage(language);
  drawWords();
  draw();
});
$("sheet").addEventListener("click", async () => {
  const answer = await app.line.request("/v1/figures/orders.csv", undefined, "GET", (told) => told.blob());
  if (answer.status === 401) ended();
  if (answer.status !== 200) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(answer.value);
  link.download = "orders.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});

let turnedAt = 0;
$("turn").checked = setting("turn", "") === "yes";
$("turn").addEventListener("change", () => keep("turn", $("turn").checked ? "yes" : ""));

/** Clocks run without news; a screen on the wall turns its page while nobody looks closer at something. */
function onTick() {
  if (board && app.sinceBoard() > BOARD_MOST_MS && worker !== null) refresh();
  if ($("turn").checked && board && performance.now() - turnedAt > TURN_MS && !document.querySelector("dialog[open]")) {
    turnedAt = performance.now();
    view = VIEWS[(VIEWS.indexOf(view) + 1) % VIEWS.length];
    scrollTo(0, 0);
    draw();
  } else if (view === "now") draw();
  else drawFreshness();
}

async function begin() {
  memory = await keeping();
  app.line = openLine(() => {});
  app.line.key = (await memory.get("key")) ?? null;
  drawWords();
  draw();
  if (await memory.get("worker")) await askSession(); else ended();
  setInterval(onTick, 1000);
  follow({
    onHealth(message) {
      if (health && health.version !== message.version) location.reload(); // another program serves another page
      health = message;
      healthAt = performance.now();
    },
    onBoard() { if (worker === null) askSession(); else changed(); },
    onLost() { lostSince = Date.now(); put($("said"), say("said_lost")); draw(); },
    onBack() { lostSince = null; put($("said"), say("said_back")); draw(); },
  });
  document.body.dataset.ready = "yes";
}

/** Was somebody in before the page came, on this page or the handheld's? */
async function askSession() {
  if (endedAt !== null) return;
  const answer = await app.line.request("/v1/session");
  if (answer.status === 200) cameIn(answer.value);
  else if (answer.status === 401) ended();
}

begin();
