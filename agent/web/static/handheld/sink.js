// Takes every scan, whatever has the focus. Scanners that press keys are heard by wedge.js; what a handheld's own software
// puts in as a whole (Android's input methods) lands in a field that is always focused and opens no keyboard.

import { LEAST, listen } from "../wedge.js";

const FIELDS = "input, textarea, select";

/**
 * `onScan(text)` as in wedge.js; `onTyped(text)`: what a hand typed while no field had the focus, `onEnter()`: and its Enter.
 * Returns a function that begins anew with other settings: `{layout, prefix, suffix, gapMs}`.
 */
export function openSink(sink, { onScan, onTyped, onEnter, onLayout, onTrouble }, settings) {
  let stop = () => {};
  let { prefix, suffix, gapMs } = settings;
  let timer = 0;

  function take(ended) {
    clearTimeout(timer);
    const text = sink.value.replace(/[\r\n\t]+$/, "");
    sink.value = "";
    const inside = text.slice(prefix.length, text.length - suffix.length);
    if (text.length >= LEAST && inside && text.startsWith(prefix) && text.endsWith(suffix)) onScan(inside);
    else if (text) onTyped(text);
    if (ended && text.length < LEAST) onEnter();
  }

  function again(changed) {
    stop();
    ({ prefix, suffix, gapMs } = changed);
    stop = listen({
      ...changed, onScan, onLayout,
      onTrouble(kind) { if (kind !== "ime" || document.activeElement !== sink) onTrouble(kind); }, // here its text arrives
    });
  }

  sink.addEventListener("input", () => {
    clearTimeout(timer);
    if (/[\r\n]$/.test(sink.value)) take(false);
    else timer = setTimeout(take, sink.value.length < LEAST ? gapMs : 2 * gapMs, false);
  });
  sink.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); take(true); } });

  const back = () => {
    const focused = document.activeElement;
    if (focused !== sink && !focused?.matches(FIELDS)) sink.focus({ preventScroll: true });
  };
  // Who goes through the page with Tab keeps the focus: only touch, and what takes the focus away, gives it back.
  addEventListener("click", (event) => { if (event.detail > 0) setTimeout(back); });
  addEventListener("focusout", (event) => { if (!event.relatedTarget) setTimeout(back); });
  addEventListener("focus", back);
  addEventListener("pageshow", back);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) back(); });
  again(settings);
  back();
  return again;
}
