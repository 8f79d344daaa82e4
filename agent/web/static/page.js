// The store's page: draws what the agent says. Whatever comes from outside is set as text, never as markup.

import { caseCards } from "./cases.js";
import { facts, keep, make, mark, put, show } from "./document.js";
import { deviceCards } from "./devices.js";
import { duration, firstLanguage, rememberLanguage } from "./language.js";
import { ask, follow, tell } from "./live.js";
import { scan } from "./scanning.js";
import { CASES, OWNERS, STOPPED, STRINGS } from "./strings.js";

const $ = (id) => document.getElementById(id);
const CHANGED_MS = 2500;
const SILENT_HQ_MS = 10000;
const CASES_MAX = 12; // the most urgent; solving one shows the next
const ROWS_MAX = 500; // a longer table helps nobody: the rest is found by its name

let language = firstLanguage(STRINGS);
let health = null; // the last /v1/health
let healthAt = 0; // when it came, on performance.now()
let lostSince = null;
let epoch = null;
const stock = new Map(); // sku → {item, head, before, changedAt}

// Words, numbers, times

const say = (key, values = {}) =>
  (STRINGS[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const locale = () => (language === "zh" ? "zh-CN" : "en-GB");
const number = (value) => new Intl.NumberFormat(locale()).format(value);
const rate = (value) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(value);
const sign = (value) => new Intl.NumberFormat(locale(), { signDisplay: "always" }).format(value);
const span = (ms) => duration(language, ms);
const sinceHealth = () => performance.now() - healthAt;
/** The agent's clock now: ages are measured on it, whatever this machine's clock says. */
const agentNow = () => health.at + sinceHealth();
const ago = (at) => (at ? say("ago", { age: span(agentNow() - at) }) : say("never"));

const drawDevices = deviceCards({ say, number, rate, span, ago, moment, agentNow, words: (list) => list[language] });

function moment(at) {
  const when = new Date(at);
  const today = when.toDateString() === new Date().toDateString();
  const day = today ? {} : { month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(locale(), { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(when);
}

// The line to HQ

function drawLine() {
  const { line, head } = health;
  const cut = line.state !== "here";
  const oldest = line.waiting ? (line.oldest_waiting_ms ?? 0) + sinceHealth() : 0;
  const silent = !cut && oldest > SILENT_HQ_MS;
  mark($("line-mark"), cut || silent ? "wait" : "good");
  put($("line-state"), say(cut ? "line_connecting" : silent ? "line_silent" : "line_here"));
  put($("line-meaning"), say(cut || silent ? "line_cut_meaning" : line.waiting ? "line_behind_meaning" : "line_here_meaning"));
  put($("line-heard"), say("line_heard_of", { heard: number(line.heard), head: number(head) }));
  put($("line-waiting"), line.waiting
    ? say("line_waiting_since", { waiting: number(line.waiting), age: span(oldest) }) : number(0));
  put($("line-answered"), ago(line.heard_at));
  show($("line-why"), cut && line.why ? `${line.broker}: ${line.why}` : "");
}

// What stops all promises, and who stops it

function drawPromising() {
  const { paused, lease_stale: stale, stopped } = health.promising;
  mark($("promising-mark"), paused?.holds ? "stop" : stopped ? "wait" : "good");
  put($("promising-state"), say(paused?.holds ? "promising_paused" : stale?.holds ? "promising_stale" : "promising_on"));
  put($("promising-meaning"), say(paused?.holds ? "promising_paused_meaning" : stale?.holds ? "promising_stale_meaning" : "promising_on_meaning"));
  $("pause").hidden = false;
  put($("pause"), say(paused?.holds ? "resume" : "pause"));
  $("stopped").hidden = !stopped;
  if (!stopped) return;
  const noted = paused?.holds ? paused : stale;
  put($("stopped-what"), say(paused?.holds ? "stopped_paused" : "stopped_stale", { time: moment(noted.at) }));
  show($("stopped-why"), paused?.holds ? say("stopped_by", { by: paused.by, why: paused.why }) : "");
}

let pausing = false; // what the open dialog would do

function openPausing() {
  pausing = !health.promising.paused?.holds;
  drawPausing();
  show($("pausing-trouble"), "");
  $("pausing-why").value = "";
  $("pausing").showModal();
}

function drawPausing() {
  put($("pausing-title"), say(pausing ? "pause" : "resume"));
  put($("pausing-meaning"), say(pausing ? "pausing_meaning" : "resuming_meaning"));
  put($("pausing-do"), say(pausing ? "pause" : "resume"));
  $("pausing-why-field").hidden = !pausing;
}

async function doPausing() {
  const by = $("pausing-by").value.trim();
  const why = pausing ? $("pausing-why").value.trim() : "";
  if (!by || (pausing && !why)) {
    show($("pausing-trouble"), say("pausing_missing"));
    return;
  }
  $("pausing-do").disabled = true;
  const trouble = await tell("/v1/pause", { paused: pausing, why, by });
  $("pausing-do").disabled = false;
  show($("pausing-trouble"), trouble && say("pausing_trouble", { why: trouble }));
  if (!trouble) $("pausing").close();
}

$("pause").addEventListener("click", openPausing);
$("pausing-do").addEventListener("click", doPausing);
$("pausing-leave").addEventListener("click", () => $("pausing").close());

// Cases

const drawCaseCards = caseCards({
  say, span, number, moment, agentNow, words: (list) => list[language], resolve: (id, told) => tell(`/v1/cases/${id}/resolve`, told),
});

/** The books go on from a copy until somebody has marked the case of that as done. */
function drawDegraded() {
  const since = health.cases.filter((item) => item.case === "books_restored").map((item) => item.opened_at);
  const named = CASES[language].books_restored;
  show($("degraded"), since.length ? say("degraded", { time: moment(Math.min(...since)), case: named }) : "");
}

function drawCases() {
  const { cases } = health;
  put($("cases-count"), cases.length ? number(cases.length) : "");
  $("cases-none").hidden = cases.length > 0;
  const more = cases.length - CASES_MAX;
  show($("cases-more"), more > 0 ? say("cases_more", { more: number(more) }) : "");
  drawCaseCards($("cases"), cases, CASES_MAX);
}

// Open counts: nobody who counts is told here what the books have

function buildCount() {
  return make("li", "", make("p", "two", make("strong"), make("span", "small")), make("p", "about"), make("p", "small"));
}

function drawCount(node, item) {
  const [head, about, seen] = node.children;
  const left = item.due - agentNow();
  put(head.children[0], [say(`place_${item.place}`), say(`count_${item.state}`)].join(" · "));
  put(head.children[1], left < 0 ? say("case_late", { age: span(-left) }) : say("case_due", { age: span(left) }));
  head.children[1].title = moment(item.due);
  head.children[1].classList.toggle("late", left < 0);
  const names = item.skus.map((sku) => (stock.has(sku) ? nameOf(stock.get(sku).item) : sku));
  const more = item.all - item.settled - names.length;
  put(about, names.join(", ") + (more > 0 ? ` ${say("count_more", { more: number(more) })}` : ""));
  const owner = OWNERS[language][item.owner] ?? item.owner.replaceAll("_", " ");
  put(seen, [
    say("case_owner", { owner }), say(`count_why_${item.why}`), say("case_since", { time: moment(item.requested_at) }),
    ...(item.counters.length ? [say("count_by", { names: item.counters.join(", ") })]
      : item.assigned_to ? [say("count_assigned", { name: item.assigned_to })] : []),
    ...(item.all > 1 ? [say("count_settled", { settled: number(item.settled), all: number(item.all) })] : []),
  ].join(" · "));
}

function drawCounting() {
  const counts = health.counting ?? [];
  const all = health.counting_all ?? 0;
  $("counting-section").hidden = all === 0;
  put($("counting-count"), number(all));
  const more = all - Math.min(counts.length, CASES_MAX);
  show($("counting-more"), more > 0 ? say("cases_more", { more: number(more) }) : "");
  keep($("counting"), counts.slice(0, CASES_MAX), (item) => item.count, buildCount, drawCount);
}

// Stock

function takeStock(message, whole) {
  if (message.epoch !== epoch) { stock.clear(); epoch = message.epoch; }
  for (const item of message.skus) {
    const known = stock.get(item.sku);
    if (known && known.head > message.head) continue;
    const changed = known && JSON.stringify(known.item) !== JSON.stringify(item);
    stock.set(item.sku, {
      item, head: message.head,
      before: changed ? known.item.on_hand : known?.before,
      changedAt: changed ? performance.now() : known?.changedAt,
    });
  }
  if (whole) {
    const listed = new Set(message.skus.map((item) => item.sku));
    for (const sku of stock.keys()) if (!listed.has(sku)) stock.delete(sku);
  }
  drawStock();
}

const nameOf = (item) => (language === "zh" ? item.name_zh || item.name_en : item.name_en || item.name_zh) || item.sku;

function matchesFilter(item, words) {
  const text = [item.sku, item.name_en, item.name_zh, ...item.gtins].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function buildArticle() {
  const button = make("button", "name");
  button.type = "button";
  button.addEventListener("click", () => openWhy(button.closest("tr").dataset.key));
  const name = make("th", "", button, make("span", "small"));
  name.scope = "row";
  const total = make("td", "number total", make("span"), make("span", "small"), make("span", "delta"));
  return make("tr", "", name, make("td", "number"), make("td", "number"), total);
}

function drawArticle(row, { item, before, changedAt }) {
  const [name, floor, backroom, total] = row.children;
  const onFloor = item.places.FLOOR ?? 0;
  const inBack = item.places.BACKROOM ?? 0;
  const fresh = changedAt !== undefined && performance.now() - changedAt < CHANGED_MS;
  const elsewhere = item.on_hand - onFloor - inBack;
  put(name.children[0], nameOf(item));
  name.children[0].title = say("why_open");
  put(name.children[1], item.tagged ? `${item.sku} · ${say("tagged")}` : item.sku);
  put(floor, number(onFloor));
  put(backroom, number(inBack));
  floor.classList.toggle("short", onFloor < 0);
  backroom.classList.toggle("short", inBack < 0);
  put(total.children[0], number(item.on_hand));
  const low = onFloor < 0 || inBack < 0 || item.on_hand < 0;
  show(total.children[1], low ? say("below_zero") : elsewhere ? say("elsewhere", { units: number(elsewhere) }) : "");
  total.children[1].classList.toggle("short", low);
  const delta = fresh ? item.on_hand - before : 0;
  show(total.children[2], delta ? sign(delta) : "");
  row.classList.toggle("changed", fresh);
}

function drawStock() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...stock.values()];
  const shown = all.filter(({ item }) => matchesFilter(item, words));
  shown.sort((a, b) => (a.item.sku < b.item.sku ? -1 : 1));
  keep($("stock"), shown.slice(0, ROWS_MAX), ({ item }) => item.sku, buildArticle, drawArticle);
  const units = all.reduce((sum, { item }) => sum + item.on_hand, 0);
  put($("stock-count"), words.length ? say("stock_filtered", { shown: number(shown.length), skus: number(all.length) })
    : say("stock_count", { units: number(units), skus: number(all.length) }));
  const cut = shown.length > ROWS_MAX ? say("stock_cut", { rows: number(ROWS_MAX) }) : "";
  show($("stock-none"), shown.length ? cut : epoch === null ? say("loading") : say(all.length ? "stock_nothing" : "stock_empty"));
}

// Why may so many be promised?

const WHY_AGAIN_MS = 2000;
let why = null; // {sku, found, trouble}

function openWhy(sku) {
  why = { sku, found: null, trouble: false };
  drawWhy();
  if (!$("why").open) $("why").showModal();
  askWhy();
}

/** Asks, and again while it is open: claims run out and goods are sold while somebody looks. */
async function askWhy() {
  const mine = why;
  try {
    mine.found = await ask(`/v1/explain/${mine.sku.split("/").map(encodeURIComponent).join("/")}`);
    mine.trouble = false;
  } catch {
    mine.trouble = true;
  }
  if (why !== mine) return;
  drawWhy();
  setTimeout(() => { if (why === mine) askWhy(); }, WHY_AGAIN_MS);
}

const channelName = (terms) => (terms.channel === "*" ? say("why_any") : terms.channel);

function whyTerms(channels) {
  const less = (key) => channels.map((terms) => (terms[key] ? `− ${number(terms[key])}` : number(0)));
  const quotas = channels.some((terms) => terms.quota_left !== null);
  const stops = channels.some((terms) => terms.stopped);
  return [
    [say("why_sellable"), channels.map((terms) => number(terms.sellable)), ""],
    ...["promised", "granted", "uncertain", "safety"].map((key) => [say(`why_${key}`), less(key), ""]),
    ...(quotas ? [[say("why_quota"), channels.map((terms) => (terms.quota_left === null ? "–" : `≤ ${number(terms.quota_left)}`)), ""]] : []),
    ...(stops ? [[say("why_stopped"), channels.map((terms) => STOPPED[language][terms.stopped] ?? terms.stopped), "small"]] : []),
    [say("why_atp"), channels.map((terms) => number(terms.atp)), "total"],
  ];
}

function drawWhy() {
  if (why === null) return;
  const { found } = why;
  const named = found ?? stock.get(why.sku)?.item ?? { sku: why.sku };
  put($("why-title"), `${nameOf(named)} · ${why.sku}`);
  show($("why-none"), why.trouble ? say("why_trouble") : found ? "" : say("loading"));
  if (found === null) return;
  const seen = found.evidence_age_ms < 365 * 86400000 ? say("ago", { age: span(found.evidence_age_ms) }) : say("never");
  put($("why-about"), [say(`unit_${found.unit}`), say(`sold_${found.eligibility}`), say("why_seen", { ago: seen }), say(`record_${found.record}`)].join(" · "));
  keep($("why-channels"), [null, ...found.channels], (terms) => terms?.channel ?? "", () => make("th"),
    (cell, terms) => { cell.scope = "col"; cell.className = terms ? "number" : ""; put(cell, terms ? channelName(terms) : ""); });
  keep($("why-terms"), whyTerms(found.channels), ([term]) => term, () => {
    const head = make("th");
    head.scope = "row";
    return make("tr", "", head);
  }, (row, [term, cells, kind]) => {
    put(row.children[0], term);
    while (row.children.length > cells.length + 1) row.lastElementChild.remove();
    while (row.children.length < cells.length + 1) row.append(make("td"));
    cells.forEach((text, nth) => { put(row.children[nth + 1], text); row.children[nth + 1].className = `number ${kind}`; });
  });
  const places = Object.entries(found.places).map(([place, units]) => [place, number(units)]);
  facts($("why-places"), found.pulled ? [...places, [say("why_pulled"), number(found.pulled)]] : places);
  keep($("why-claims"), found.claims, (claim) => claim.hold, () => make("li", "", make("strong"), make("span", "small")), (node, claim) => {
    put(node.children[0], `${number(claim.units + claim.pulled)} × ${claim.channel}`);
    const until = claim.left_s === null ? say("claim_order", { order: claim.order }) : say("claim_left", { age: span(claim.left_s * 1000) });
    put(node.children[1], ` ${claim.hold} · ${until}`);
  });
  if (!why.trouble) {
    const more = found.claims_more ? say("claims_more", { more: number(found.claims_more) }) : "";
    show($("why-none"), found.claims.length ? more : say("claims_none"));
  }
}

$("why").addEventListener("close", () => { why = null; });
$("why-close").addEventListener("click", () => $("why").close());

// What a handheld scans into this page

let scanned = null; // the last one, or what is wrong with the scanner's keys

function drawScanned() {
  if (scanned === null) return;
  const { note, text, state, sku, message } = scanned;
  const named = sku && stock.has(sku) ? `${nameOf(stock.get(sku).item)} · ${sku}` : text?.replaceAll("\x1d", "␝");
  show($("scanning-said"), note ? say(`scanner_${note}`) : [say(`scanned_${state}`), named, message === sku ? "" : message].filter(Boolean).join(" · "));
  $("scanning-said").classList.toggle("mild", state === "waiting" || state === "taken" || note === "layout_set");
}

scan({
  purpose: () => $("scanning-purpose").value,
  onTold(told) {
    scanned = told;
    drawScanned();
    if (told.state === "taken" && told.purpose === "find" && !document.querySelector("dialog[open]:not(#why)")) openWhy(told.sku);
  },
  onNote(note) { scanned = { note }; drawScanned(); },
});

// The whole page

function drawFreshness() {
  mark($("fresh-mark"), lostSince !== null ? "down" : health ? "good" : "wait");
  if (health) put($("fresh"), sinceHealth() < 3000 && lostSince === null ? say("updated_now") : say("updated", { age: span(sinceHealth()) }));
  show($("lost"), lostSince === null ? "" : say("lost", { time: moment(lostSince) }));
}

function drawHealth() {
  if (!health) return;
  put($("store"), `${say("store")} ${health.store}`);
  document.title = `${health.store} · Nearshelf`;
  drawLine();
  drawDegraded();
  drawPromising();
  drawCases();
  drawCounting();
  drawDevices(health.devices);
  facts($("counts"), [
    [say("version"), health.version], [say("started"), moment(health.started_at)],
    [say("epoch"), health.epoch], [say("head"), number(health.head)],
    [say("bystanders"), (health.bystanders ?? []).map((one) => `${one.name} (${one.place}, ${ago(one.heard_at)})`).join(", ") || null],
    ...Object.entries(health.counts ?? {}).map(([name, value]) => [name.replaceAll("_", " "), number(value)]),
  ]);
}

function drawWords() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-t]")) if (node.id !== "store" || !health) put(node, say(node.dataset.t));
  for (const node of document.querySelectorAll("[data-t-placeholder]")) node.placeholder = say(node.dataset.tPlaceholder);
  for (const node of document.querySelectorAll("[data-t-label]")) node.ariaLabel = say(node.dataset.tLabel);
  put($("language"), say("other_language"));
  $("language").lang = say("other_code");
  $("counts").replaceChildren();
  for (const list of document.querySelectorAll("#devices .facts")) list.replaceChildren();
}

function drawAll() {
  drawWords();
  drawPausing();
  drawFreshness();
  drawHealth();
  drawStock();
  drawWhy();
  drawScanned();
}

$("language").addEventListener("click", () => {
  language = say("other_code");
  rememberLanguage(language);
  drawAll();
});
$("filter").addEventListener("input", drawStock);

/** Ages grow and marks fade without news from the agent. */
setInterval(() => { drawFreshness(); if (lostSince === null) drawHealth(); drawStock(); }, 1000);

drawAll();
follow({
  onStock: takeStock,
  onHealth(message) { health = message; healthAt = performance.now(); drawHealth(); drawFreshness(); },
  onLost() { lostSince = Date.now(); put($("said"), say("said_lost")); drawFreshness(); },
  onBack() { lostSince = null; put($("said"), say("said_back")); drawFreshness(); },
});
