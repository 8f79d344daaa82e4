// Counting on request, blind: every scan is one more; nobody is told what the books have.

import { keep, make, put } from "../document.js";

const OPEN = new Set(["requested", "counting", "recount"]);

export function countingScreen(app) {
  const { $, t } = app;
  let session = null; // the count, once it is begun
  let names = {}; // by SKU, as the store told them
  let found = {}; // by SKU: how many so far
  let counter = "";
  let early = []; // scans that came before the count was begun

  async function begin() {
    session = null;
    early = [];
    counter = app.worker.id;
    const listed = await app.line.request("/v1/counts");
    const wanted = (listed.value?.counts ?? []).filter((one) => OPEN.has(one.state) && [app.worker.id, ""].includes(one.assigned_to));
    const next = wanted.find((one) => one.counters.includes(app.worker.id)) ?? wanted[0];
    if (!next) { app.tell(listed.status === 0 ? t("gap_needs") : t("count_none")); app.close(); return; }
    const begun = await app.line.request(`/v1/pick/counts/${encodeURIComponent(next.count)}/start`, {});
    if (begun.status !== 200) { app.tell(t("not_done", { why: begun.value?.mistakes?.[0]?.problem ?? begun.why })); app.close(); return; }
    found = (await app.memory.get(`count ${begun.value.count}`)) ?? {};
    session = begun.value;
    for (const scan of early.splice(0)) onScan(scan);
    for (const { sku } of session.lines) {
      app.line.request(`/v1/explain/${sku.split("/").map(encodeURIComponent).join("/")}`).then((answer) => {
        if (answer.status === 200) { names[sku] = answer.value; app.draw(); }
      });
    }
    app.draw();
  }

  const mine = () => session?.lines.filter((line) => line.counter === counter && OPEN.has(line.state)) ?? [];
  const label = (sku) => (names[sku] ? app.nameOf(names[sku]) : sku);

  function change(sku, to) {
    found[sku] = Math.max(0, to);
    app.memory.set(`count ${session.count}`, found);
    app.draw();
  }

  async function onScan(scan) {
    if (!session) { early.push(scan); return; }
    const answer = await app.line.request("/v1/pick/find", { text: scan.text, aim: scan.aim });
    const item = answer.value;
    if (answer.status !== 200 || !item?.sku) { app.signal("wrong"); app.tell(answer.status === 0 ? t("gap_needs") : t("unknown_code")); return; }
    names[item.sku] = item;
    if (!session.whole && !mine().some((line) => line.sku === item.sku)) { app.signal("wrong"); app.tell(t("count_other", { name: app.nameOf(item) })); return; }
    app.signal("right");
    app.tell("");
    change(item.sku, (found[item.sku] ?? 0) + (item.grams ?? 1));
  }

  $("counting-back").addEventListener("click", app.close);
  $("counting-do").addEventListener("click", async () => {
    const lines = Object.entries(found).map(([sku, counted]) => ({ sku, counted }));
    if (!lines.length) return;
    const answer = await app.line.request(`/v1/pick/counts/${encodeURIComponent(session.count)}/lines`, { lines });
    if (answer.status !== 200) { app.signal("wrong"); app.tell(answer.status ? t("not_done", { why: answer.value?.mistakes?.[0]?.problem ?? answer.why }) : t("gap_needs")); return; }
    app.memory.set(`count ${session.count}`, undefined);
    app.signal("done");
    app.say(t("counted"));
    app.close();
    app.refresh();
  });

  return {
    enter: begin,
    onScan,
    draw() {
      put($("counting-title"), !session ? t("loading") : session.count.startsWith("case-") ? t("count_job") : session.count); // by itself it has no name
      put($("counting-place"), session ? t("count_at", { place: t(session.place.toLowerCase()) }) : "");
      const skus = [...new Set([...mine().map((line) => line.sku), ...Object.keys(found)])];
      keep($("counting-list"), session ? skus : [], (sku) => sku, () => {
        const more = app.key("", "", () => {
          app.askFor({ title: label(more.sku), about: t("count_at", { place: t(session.place.toLowerCase()) }) }, (text) => change(more.sku, Number(text)));
        });
        return make("li", "two", make("span"), make("b"), more);
      }, (row, sku) => {
        put(row.children[0], label(sku));
        put(row.children[1], found[sku] ?? "–");
        row.children[2].sku = sku;
        put(row.children[2], "123");
        row.children[2].setAttribute("aria-label", `${t("how_many")} ${label(sku)}`);
      });
      $("counting-do").disabled = !session || !Object.keys(found).length;
    },
  };
}
