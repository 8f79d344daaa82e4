// HQ's page: shows what /v1/board tells, asks for stock when somebody wants to see it. All text goes in as text.

import { currentLanguage, duration, lag, lags, number, switchLanguage, t } from "./strings.js";
import { daysOf } from "./days.js";
import { drawLag } from "./lag.js";

const $ = (id) => document.getElementById(id);
const LOST_AFTER_MS = 12_000; // HQ speaks at least every 5 s
const ASK_AT_MOST_EVERY_MS = 1000;
const SHOWN_MOST = 50; // rows of a long table, until somebody wants them all
const OUTSIDE = new Set(["SUPPLIER", "CUSTOMER", "SHRINK", "WASTE", "FOUND", "UNATTRIBUTED_OUT"]); // they balance the books and are no stock

let board = null; // the last /v1/stores
let boardAt = 0; // performance.now() then
let chosen = decodeURIComponent(location.hash.slice(1));
let stock = null; // the chosen store's last /v1/stores/{id}/stock
let stockAskedAt = 0;
let found = null; // the last search: {sku, stores, on_hand, atp} or {sku, missing}
let searched = ""; // the SKU searched for
let foundAskedAt = 0;
let foundAsOf = ""; // how far every store was when it was asked
let matches = null; // SKUs that begin like one nobody has: {skus, next}
let saidTrouble = 0;
let allShown = false; // every store in the table, or only the first
let tilesShown = ""; // what the grid says: it is drawn anew only when that changes
const lagTold = new Map(); // the last /v1/lag by the place it is drawn in

const days = daysOf($, async (path) => {
  const answer = await fetch(path);
  return answer.ok ? answer.json() : null;
});
const askDays = () => void days.refresh(chosen).catch(() => {}); // the banner says when HQ does not answer

const now = () => board.at + (performance.now() - boardAt);

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function mark(shape) {
  const made = element("span", "", `mark ${shape}`);
  made.setAttribute("aria-hidden", "true");
  return made;
}

const age = (at) => (at === null ? t("never") : duration(now() - at));
const STATE_MARK = { here: "good", away: "down", unknown: "wait" };
const BOOKS = { same: ["good", "same"], differs: ["stop", "differs"], unknown: ["wait", "uncompared"] };

function cell(nameKey, className = "", ...content) {
  const made = element("td", "", className);
  made.dataset.name = t(nameKey);
  const value = element("span");
  value.append(...content);
  made.append(value);
  return made;
}

function storeRows(store) {
  const row = element("tr", "", store.store === chosen ? "chosen" : "");
  const name = element("th");
  name.scope = "row";
  const button = element("button", store.store, "name");
  button.type = "button";
  button.dataset.store = store.store;
  button.setAttribute("aria-expanded", String(store.store === chosen));
  name.append(button);
  const [bookMark, bookWord] = BOOKS[store.digest];
  const last = store.landed_at === null ? t("never") : t("ago", { age: age(store.landed_at) });
  row.append(
    name,
    cell("state", "state", mark(STATE_MARK[store.state]), t(store.state)),
    cell("units", store.units < 0 ? "number late" : "number", number(store.units)),
    cell("rows", "number", number(store.rows)),
    cell("behind", store.behind > 0 ? "number late" : "number", number(store.behind)),
    cell("last_row", "number", last),
    cell("lag", "number", lags(store.lag_p50_ms, store.lag_p99_ms)),
    cell("cases", "number", number(store.cases_open)),
    cell("books", "", mark(bookMark), t(bookWord)),
  );
  if (!store.troubles.length) return [row];
  const trouble = element("tr", "", "trouble");
  const why = element("td");
  why.colSpan = 9;
  for (const { kind, text } of store.troubles) {
    const made = element("span", "", "why");
    made.append(element("b", t(`trouble_${kind}`)), element("span", text, "quiet"));
    why.append(made);
  }
  trouble.append(why);
  return [row, trouble];
}

/** The worst first: whoever looks here looks for that. Being behind moves no row: that comes and goes by the second. */
const urgency = (store) => (store.troubles.length ? 0 : { away: 1, unknown: 2, here: 3 }[store.state]);

function showStores() {
  const focused = document.activeElement?.dataset?.store;
  const sorted = [...board.stores].sort((one, other) => urgency(one) - urgency(other));
  const shown = allShown ? sorted : sorted.filter((store, nth) => nth < SHOWN_MOST || store.store === chosen);
  $("stores").replaceChildren(...shown.flatMap(storeRows));
  if (focused) [...document.querySelectorAll(".name")].find((button) => button.dataset.store === focused)?.focus();
  $("stores-none").hidden = board.stores.length > 0;
  $("stores-count").textContent = number(board.stores.length);
  $("stores-all").hidden = shown.length === sorted.length;
  $("stores-all").textContent = t("stores_all", { shown: number(shown.length), count: number(sorted.length) });
}

/** What a tile says of a store: the worst of it. */
function tileState(store) {
  if (store.troubles.length) return ["stop", "in_trouble"];
  if (store.state !== "here") return [STATE_MARK[store.state], store.state];
  return store.behind > 0 ? ["wait", "is_behind"] : ["good", "here"];
}

function showGrid() {
  const says = JSON.stringify([currentLanguage(), chosen, board.stores.map((store) => [store.store, tileState(store)])]);
  if (says === tilesShown) return;
  tilesShown = says;
  const tiles = board.stores.map((store) => {
    const [shape, word] = tileState(store);
    const tile = element("button", "", `tile ${shape}`);
    tile.type = "button";
    tile.dataset.tile = store.store;
    tile.title = t("tile", { store: store.store, state: t(word) });
    tile.setAttribute("aria-label", tile.title);
    tile.setAttribute("aria-pressed", String(store.store === chosen));
    tile.append(mark(shape), store.store);
    const item = element("li");
    item.append(tile);
    return item;
  });
  const focused = document.activeElement?.dataset?.tile;
  const scrolled = $("grid").scrollTop;
  $("grid").replaceChildren(...tiles);
  $("grid").scrollTop = scrolled;
  if (focused) [...document.querySelectorAll(".tile")].find((tile) => tile.dataset.tile === focused)?.focus({ preventScroll: true });
  const words = [["good", "here"], ["wait", "is_behind"], ["down", "away"], ["stop", "in_trouble"]];
  $("legend").replaceChildren(
    ...words.map(([shape, word]) => {
      const item = element("li");
      item.append(mark(shape), t(word));
      return item;
    }),
  );
  $("legend").hidden = board.stores.length === 0;
}

function showFigures() {
  const stores = board.stores;
  const slowest = Math.max(...stores.map((store) => store.lag_p99_ms ?? -Infinity));
  const inTrouble = stores.filter((store) => store.trouble || store.state === "away").length;
  $("sum-here").textContent = `${number(stores.filter((store) => store.state === "here").length)} / ${number(stores.length)}`;
  $("sum-units").textContent = number(stores.reduce((sum, store) => sum + store.units, 0));
  $("sum-behind").textContent = number(stores.reduce((sum, store) => sum + store.behind, 0));
  $("sum-lag").textContent = Number.isFinite(slowest) ? lag(slowest) : "–";
  $("sum-trouble").textContent = number(inTrouble);
  $("sum-trouble").className = inTrouble ? "late" : "";
  if (inTrouble !== saidTrouble) $("said").textContent = t("need_said", { count: inTrouble });
  saidTrouble = inTrouble;
}

function showLine() {
  const { line, counts } = board;
  const facts = [[t("broker"), `${line.broker}, ${t(`broker_${line.state}`)}`]];
  for (const { whose, ends, soon } of line.certificates) facts.push([t(`certificate_${whose}`), new Date(ends).toISOString().slice(0, 10), soon]);
  for (const [name, count] of Object.entries(counts)) facts.push([t(name), number(count)]);
  $("counts").replaceChildren(
    ...facts.map(([name, value, late]) => {
      const fact = element("div");
      fact.append(element("dt", name), element("dd", value, late ? "late" : ""));
      return fact;
    }),
  );
}

/** Is the page itself still live, and HQ's line? */
function showFreshness() {
  const silent = board === null ? 0 : performance.now() - boardAt;
  const lost = silent > LOST_AFTER_MS;
  const brokerDown = board !== null && board.line.state !== "here";
  $("lost").hidden = !lost && !brokerDown;
  if (lost) $("lost").textContent = t("lost", { age: duration(silent) });
  else if (brokerDown) $("lost").textContent = t("broker_lost", { why: board.line.why });
  $("fresh-mark").className = `mark ${lost ? "down" : board === null || brokerDown ? "wait" : "good"}`;
  $("fresh").textContent = board === null ? t("loading") : t("live");
}

function stockAge(store) {
  if (store.landed_at === null) return t("nothing_yet");
  const blanks = { age: age(store.landed_at), count: number(store.behind) };
  if (store.state === "away") return t("away_text", blanks);
  if (store.state === "unknown") return t("unheard_text", blanks);
  return t(store.behind > 0 ? "behind_text" : "current", blanks);
}

function showDetail() {
  const store = board?.stores.find((each) => each.store === chosen);
  $("detail").hidden = !store;
  if (!store) return;
  $("stock-title").textContent = t("stock_of", { store: store.store });
  $("stock-age").textContent = stockAge(store);
  if (stock === null || stock.store !== chosen) return;
  const wanted = $("filter").value.trim().toLowerCase();
  const skus = stock.skus.filter((each) => each.sku.toLowerCase().includes(wanted));
  $("stock").replaceChildren(...skus.map(stockRow));
  $("stock-none").hidden = skus.length > 0;
  $("stock-none").textContent = t(stock.skus.length ? "filter_none" : "stock_none");
}

function stockRow(each) {
  const row = element("tr");
  const places = element("td");
  for (const [place, qty] of Object.entries(each.places)) {
    if (OUTSIDE.has(place)) continue;
    const made = element("span", "", "place");
    made.append(element("span", `${t(place)} `), number(qty));
    places.append(made);
  }
  row.append(element("td", each.sku), element("td", number(each.on_hand), each.on_hand < 0 ? "number late" : "number"));
  for (const name of ["held", "atp"]) {
    const cell = element("td", each[name] === null ? "–" : number(each[name]), "number");
    cell.dataset.name = t(name);
    row.append(cell);
  }
  row.append(places);
  return row;
}

function showFound() {
  if (found === null) return;
  const having = found.missing ? [] : [...found.stores].sort((one, other) => other.on_hand - one.on_hand);
  const key = found.missing ? "not_found" : having.length === 1 ? "found_one" : "found";
  const units = { count: number(found.on_hand ?? 0), atp: number(found.atp ?? 0), stores: number(having.length) };
  const total = t(key, { sku: found.sku, ...units });
  if (found.missing && matches?.skus.length) return showMatches();
  showMatches();
  if ($("found-total").textContent !== total) $("found-total").textContent = total; // or it would be read out each time
  const oldest = having.length && board && found.as_of !== null ? t("as_of_all", { age: age(found.as_of) }) : "";
  $("found-age").textContent = oldest + (found.behind ? t("behind_all", { count: number(found.behind) }) : "");
  const most = Math.max(1, ...having.map((store) => store.on_hand));
  const rest = having.length - SHOWN_MOST;
  $("found-rest").hidden = rest <= 0;
  $("found-rest").textContent = t("found_rest", { stores: number(rest) });
  $("found").replaceChildren(
    ...having.slice(0, SHOWN_MOST).map((each) => {
      const made = element("li");
      const bar = element("meter");
      bar.max = most;
      bar.value = Math.max(0, each.on_hand);
      bar.setAttribute("aria-hidden", "true");
      const away = board?.stores.find((store) => store.store === each.store)?.state === "away";
      made.append(element("span", each.store), element("span", number(each.on_hand), "amount"), bar);
      if (each.atp !== null) made.append(element("span", t("can_promise", { atp: number(each.atp), held: number(each.held) }), "age"));
      if (board && each.as_of !== null) made.append(element("span", t(away ? "as_of_away" : "as_of", { age: age(each.as_of) }), "age"));
      return made;
    }),
  );
}

/** The SKUs that begin with what was searched for, when it is none itself. */
function showMatches() {
  $("more-matches").hidden = !matches?.next;
  if (matches === null || !matches.skus.length) return $("matches").replaceChildren();
  const count = number(matches.skus.length);
  $("found-total").textContent = t(matches.next ? "begins_more" : "begins", { count });
  $("matches").replaceChildren(
    ...matches.skus.map((each) => {
      const button = element("button", `${each.sku} `, "plain");
      button.type = "button";
      button.dataset.sku = each.sku;
      button.append(element("span", number(each.on_hand)));
      const item = element("li");
      item.append(button);
      return item;
    }),
  );
}

async function askMatches(prefix, after) {
  const more = after ? `&after=${encodeURIComponent(after)}` : "";
  const answer = await fetch(`/v1/skus?prefix=${encodeURIComponent(prefix)}&limit=30${more}`);
  if (!answer.ok || prefix !== searched) return;
  const told = await answer.json();
  matches = { skus: after ? [...matches.skus, ...told.skus] : told.skus, next: told.next };
  showMatches();
}

/** What the browser offers while somebody types. */
async function suggest(prefix) {
  if (!prefix) return;
  const answer = await fetch(`/v1/skus?prefix=${encodeURIComponent(prefix)}&limit=8`);
  if (!answer.ok || prefix !== $("sku").value) return;
  const options = (await answer.json()).skus.map((each) => {
    const option = element("option");
    option.value = each.sku;
    return option;
  });
  $("skus").replaceChildren(...options);
}

async function askLag() {
  if (!board) return;
  for (const [id, store] of [["lag-chain", ""], ["lag-store", chosen]]) {
    if (id === "lag-store" && !board.stores.some((each) => each.store === store)) continue;
    const answer = await fetch(store ? `/v1/lag?store=${encodeURIComponent(store)}` : "/v1/lag");
    if (!answer.ok || (id === "lag-store" && store !== chosen)) continue;
    lagTold.set(id, await answer.json());
    drawLag($(id), lagTold.get(id));
  }
}

/** What was told last, in other words or in another width. */
function showLag() {
  for (const [id, told] of lagTold) drawLag($(id), told);
}

async function askStock() {
  const store = board?.stores.find((each) => each.store === chosen);
  const old = stock === null || stock.store !== chosen || stock.seq !== store?.cursor || stock.epoch !== store?.epoch;
  if (!store || !old || performance.now() - stockAskedAt < ASK_AT_MOST_EVERY_MS) return;
  stockAskedAt = performance.now();
  const answer = await fetch(`/v1/stores/${encodeURIComponent(chosen)}/stock`);
  if (!answer.ok) return;
  stock = await answer.json();
  showDetail();
}

async function search(sku) {
  searched = sku;
  foundAskedAt = performance.now();
  const asOf = howFar();
  const answer = await fetch(`/v1/stock?sku=${encodeURIComponent(sku)}`);
  if (!answer.ok && answer.status !== 404) return;
  const told = answer.ok ? await answer.json() : { sku, missing: true };
  if (sku !== searched) return; // somebody has asked for another one meanwhile
  [found, foundAsOf] = [told, asOf];
  if (!told.missing) matches = null;
  else if (matches === null) await askMatches(sku, "");
  showFound();
}

const howFar = () => board?.stores.map((store) => `${store.store} ${store.epoch} ${store.cursor}`).join() ?? "";

/** Ask again for what is shown, when a store has moved on. */
async function searchAgain() {
  if (searched && foundAsOf !== howFar() && performance.now() - foundAskedAt >= ASK_AT_MOST_EVERY_MS) await search(searched);
}

function choose(store) {
  chosen = chosen === store ? "" : store;
  stock = null;
  stockAskedAt = 0;
  lagTold.delete("lag-store");
  $("lag-store").replaceChildren();
  void askLag().catch(() => {});
  askDays();
  $("stock").replaceChildren();
  $("stock-none").hidden = true;
  history.replaceState(null, "", chosen ? `#${encodeURIComponent(chosen)}` : location.pathname + location.search);
  show();
  if (chosen) $("stock-title").focus();
}

function showWords() {
  document.documentElement.lang = currentLanguage() === "zh" ? "zh-CN" : "en";
  for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
  for (const each of document.querySelectorAll("[data-t-placeholder]")) each.placeholder = t(each.dataset.tPlaceholder);
  $("language").textContent = t("language");
  $("language").lang = currentLanguage() === "zh" ? "en" : "zh-CN";
}

function show() {
  showFreshness();
  if (board === null) return;
  $("chain").textContent = board.chain;
  document.title = `${board.chain} · Nearshelf HQ`;
  showFigures();
  showGrid();
  showStores();
  showLine();
  showDetail();
  showFound();
  void searchAgain().catch(() => {});
  void askStock().catch(() => {}); // the banner says when HQ does not answer
}

$("language").addEventListener("click", () => { switchLanguage(); showWords(); show(); showLag(); days.show(); });
$("stores-all").addEventListener("click", () => { allShown = true; show(); });
addEventListener("resize", showLag);
$("stores").addEventListener("click", (event) => { if (event.target.dataset.store) choose(event.target.dataset.store); });
$("grid").addEventListener("click", (event) => {
  const tile = event.target.closest("[data-tile]");
  if (tile) choose(tile.dataset.tile);
});
$("matches").addEventListener("click", (event) => {
  const button = event.target.closest("[data-sku]");
  if (!button) return;
  $("sku").value = button.dataset.sku;
  begin(button.dataset.sku);
});
$("more-matches").addEventListener("click", () => void askMatches(searched, matches.next).catch(() => {}));
$("sku").addEventListener("input", () => void suggest($("sku").value).catch(() => {}));
$("close").addEventListener("click", () => choose(chosen));
$("filter").addEventListener("input", showDetail);
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const sku = $("sku").value.trim();
  if (sku) begin(sku);
});

function begin(sku) {
  matches = null;
  showMatches();
  void search(sku).catch(() => {});
}

const events = new EventSource("/v1/board"); // comes back by itself
events.addEventListener("stores", (event) => {
  board = JSON.parse(event.data);
  boardAt = performance.now();
  show();
});
setInterval(show, 1000); // ages grow
setInterval(() => void askLag().catch(() => {}), 10_000); // as often as HQ looks
setInterval(askDays, 300_000); // stores tell of a day once
events.addEventListener("stores", () => void askLag().catch(() => {}), { once: true });

showWords();
show();
askDays();
