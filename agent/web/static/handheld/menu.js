// What is not the next job: hand over, enter an order, look something up, count, leave, the device's own settings, sign out.

import { make, put } from "../document.js";
import { NAMES } from "../layouts.js";
import { keep, kept } from "../settings.js";
import { isOf } from "./codes.js";
import { isOpen } from "./job.js";

export function menuScreen(app) {
  const { $, t } = app;

  function signOut() {
    const n = app.outbox.waiting.length;
    if (n) app.tell(t("sign_out_waits", { n })); else app.signOut();
  }

  const keys = [
    ["hand_over", () => app.open("hand")],
    ["new_order", () => app.openOrder()],
    ["count_job", () => app.open("counting")],
    ["type_code", () => {
      app.close();
      app.askFor({ title: t("type_code"), letters: true, scans: true }, (text) => app.scan(text));
    }],
    ["leave", app.leave],
    ["board", () => location.assign("/board")],
    ["device", () => app.open("device")],
    ["other_language", app.switchLanguage],
    ["sign_out", signOut],
    ["back", app.close],
  ].map(([word, act]) => [word, app.key("wide", word, act)]);
  for (const [, key] of keys) $("menu-keys").append(key);

  /** What a code is, and who of us wants it. */
  app.whatIs = async (scan) => {
    const wanted = app.task()?.stops.find((stop) => isOpen(stop) && isOf(scan, stop.gtins));
    const answer = await app.line.request("/v1/pick/find", { text: scan.text, aim: scan.aim });
    const item = answer.value;
    if (answer.status !== 200 || !item?.sku) { app.signal("wrong"); app.tell(answer.status === 0 ? t("gap_needs") : t("unknown_code")); return; }
    app.signal("right");
    app.tell(wanted ? t("found_wanted", { name: app.nameOf(item), short: wanted.short }) : t("found", { name: app.nameOf(item), sku: item.sku }));
  };

  return {
    draw(task) {
      for (const [word, key] of keys) {
        if (word === "leave" || word === "type_code") key.hidden = !task;
        if (word === "board") key.hidden = app.worker?.role === "picker";
      }
      put(keys.find(([word]) => word === "other_language")[1], t("other_language"));
    },
    onScan: app.whatIs,
  };
}

/** How this device's scanner speaks, and how loud the page is: kept here, in this browser. */
export function deviceScreen(app) {
  const { $, t } = app;
  const fields = () => [...$("device-form").elements];

  $("device-layout").append(...["os", ...NAMES].map((name) => {
    const option = make("option");
    option.value = name;
    return option;
  }));
  $("device-form").addEventListener("submit", (event) => event.preventDefault());
  $("device-form").addEventListener("change", ({ target }) => {
    keep(target.name, target.value);
    app.loud = Number(kept("loud", "1"));
    app.listenAnew(app.scanner());
  });
  for (const sound of ["right", "wrong", "done"]) $("device-sounds").append(app.key("", `sound_${sound}`, () => app.signal(sound)));
  $("device-back").addEventListener("click", app.close);

  return {
    enter() {
      const now = { scanner_layout: "us", scanner_prefix: "", scanner_suffix: "", scanner_gap: "", loud: "1" };
      for (const field of fields()) if (field.name) field.value = kept(field.name, now[field.name]);
      put($("device-heard"), "");
    },
    draw() {
      for (const option of $("device-layout").children) put(option, option.value === "os" ? t("layout_os") : option.value.toUpperCase());
    },
    onScan(scan, text) { app.signal("right"); put($("device-heard"), t("heard", { text: text.replaceAll("\x1d", "␝") })); },
  };
}
