// What happens to what a handheld's scanner types into this page: it is sent to the agent, once, however often that takes.

import { post } from "./live.js";
import { keep, kept, random, setting } from "./settings.js";
import { GAP_MS, listen } from "./wedge.js";

const AGAIN_MS = 2000;
const WAITING_MAX = 100;

/**
 * Hears scans and tells of each: `onTold({text, state, sku, message})`, `state` "waiting", "taken" or "refused";
 * `onNote(kind)`: "layout_set", or a trouble of wedge.js. `purpose()` says what a scan does now.
 */
export function scan({ purpose, onTold, onNote }) {
  const device = kept("scanner", "") || `page-${random()}`;
  keep("scanner", device);
  const waiting = [];
  let sending = false;

  async function send() {
    if (sending) return;
    sending = true;
    while (waiting.length) {
      const one = waiting[0];
      const answer = await post("/v1/scans", one);
      if (answer.status >= 500 || answer.status === 0) { // nobody knows whether it was taken: the same again, under its name
        onTold({ text: one.text, state: "waiting", sku: "", message: answer.why });
        await new Promise((later) => { setTimeout(later, AGAIN_MS); });
        continue;
      }
      waiting.shift();
      const { accepted = false, sku = "", message = answer.why } = answer.value;
      onTold({ text: one.text, state: accepted ? "taken" : "refused", sku, message, purpose: one.purpose });
    }
    sending = false;
  }

  return listen({
    layout: setting("scanner_layout", "us"),
    prefix: setting("scanner_prefix", ""),
    gapMs: Math.min(1000, Math.max(20, Number(setting("scanner_gap", "")) || GAP_MS)),
    onScan(text) {
      if (waiting.length >= WAITING_MAX) { onTold({ text, state: "refused", sku: "", message: "" }); return; }
      waiting.push({ device, scan: random() + random(), purpose: purpose(), text });
      onTold({ text, state: "waiting", sku: "", message: "" });
      send();
    },
    onLayout(name) { keep("scanner_layout", name); onNote("layout_set"); },
    onTrouble: onNote,
  });
}
