// Hears a scanner that plays keyboard, and tells it from a person who types: by its pace. Each key is held for a blink;
// keys that come faster than fingers are a scan and reach nothing on the page, the others are typed as they were meant.

import { NAMES, TEST, letterOf } from "./layouts.js";

export const GAP_MS = 50; // scanners send a key every 1 to 30 ms; nobody types six keys faster than this one after another
export const LEAST = 6; // the shortest code that is worth it, a GTIN-8, has 8
const MOST = 300; // no code is longer
const LATE_END_MS = 250; // an Enter this soon after a scan that had none is its own
const GS = "\x1d";
const SILENT = new Set(["Shift", "Control", "Alt", "AltGraph", "CapsLock", "NumLock", "Meta", "OS"]);
const EDITABLE = "input:not([type=button], [type=submit], [type=checkbox], [type=radio]), textarea, [contenteditable]";

/**
 * Listens until the returned function is called. `onScan(text)` gets each scan, AIM identifier and GS included;
 * `onLayout(name)` is told when the test code shows how the scanner's keys are meant; `onTrouble(kind)`: "layout" when no
 * layout fits the test code, "long" when a burst has no end, "ime" when an input method took the keys.
 *
 * `layout`: one of layouts.js, or "os": letters as this machine's keyboard has them. `prefix` and `suffix`: what the
 * scanner sends around each code, taken off; a burst without them is no scan. `separators`: keys that stand for GS.
 */
export function listen({
  onScan, onLayout = () => {}, onTrouble = () => {}, layout = "us", prefix = "", suffix = "", gapMs = GAP_MS, separators = ["F8", "Control+BracketRight"],
}) {
  let held = []; // presses that may be a scan: {key, code, shift, altGr, at, gs}
  let dropped = 0; // of a burst that was too long
  let composed = 0; // keys an input method took, one right after the other
  let composedAt = 0;
  let numpad = ""; // digits typed while Alt is held: a letter by its number
  let endedAt = -Infinity; // when a scan without an end was taken
  let timer = 0;

  const swallow = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
  const letter = (press, by) => {
    if (press.gs) return GS;
    const found = by === "os" || press.code === "" ? undefined : letterOf(by, press);
    return found ?? press.key;
  };
  const textBy = (by) => held.map((press) => letter(press, by)).join("");
  const isAround = (text) => text.startsWith(prefix) && text.endsWith(suffix);
  const isScan = () => held.length >= Math.max(LEAST, prefix.length + suffix.length + 1) && isAround(textBy(layout));

  function take() {
    const whole = textBy(layout);
    const text = whole.slice(prefix.length, whole.length - suffix.length);
    const tested = NAMES.find((name) => textBy(name).endsWith(TEST + suffix));
    const misread = NAMES.some((name) => /EARSHELF-?T/i.test(textBy(name)));
    held = [];
    if (tested) { layout = tested; onLayout(tested); }
    else if (misread) onTrouble("layout");
    else onScan(text);
  }

  /** They were typed: give them to whatever has the focus. */
  function release() {
    const text = held.filter((press) => !press.gs).map((press) => press.key).join("");
    held = [];
    const target = document.activeElement;
    if (text && target?.matches(EDITABLE)) document.execCommand("insertText", false, text);
  }

  function settle() {
    clearTimeout(timer);
    if (dropped) { dropped = 0; held = []; onTrouble("long"); return; }
    if (isScan()) { endedAt = held.at(-1).at; take(); } else release();
  }

  /** Keys may wait to be handed to us while the page was busy: by their own time they are still one burst. */
  function overdue() {
    const waited = performance.now() - (held.at(-1)?.at ?? 0);
    if (!held.length) return;
    if (waited < gapMs || navigator.scheduling?.isInputPending?.()) timer = setTimeout(overdue, Math.max(1, gapMs - waited));
    else settle();
  }

  function hold(event, press) {
    swallow(event);
    if (held.length < MOST) held.push(press); else { dropped += 1; held[MOST - 1] = press; }
    clearTimeout(timer);
    timer = setTimeout(overdue, gapMs);
  }

  function onKeyDown(event) {
    if (SILENT.has(event.key)) return;
    const at = event.timeStamp;
    if (held.length && at - held.at(-1).at > gapMs) settle();
    if (event.isComposing || event.key === "Process" || event.key === "Unidentified") {
      composed = at - composedAt <= gapMs ? composed + 1 : 1;
      composedAt = at;
      if (composed === LEAST) onTrouble("ime");
      return;
    }
    const altGr = event.getModifierState("AltGraph");
    const letters = event.key.length === 1 || (event.key === "Dead" && held.length > 0); // in a scan nothing composes
    if (event.altKey && !altGr && /^Numpad\d$/.test(event.code)) { numpad += event.code.at(-1); swallow(event); return; }
    const chord = `${event.ctrlKey && !altGr ? "Control+" : ""}${event.code || event.key}`;
    const gs = held.length > 0 && (separators.includes(chord) || event.key === GS);
    if ((event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.altKey) {
      if (dropped || isScan()) { swallow(event); settle(); endedAt = -Infinity; return; }
      if (at - endedAt < LATE_END_MS) { swallow(event); endedAt = -Infinity; return; }
    } else if (gs || (letters && !event.repeat && (altGr || !(event.ctrlKey || event.altKey || event.metaKey)))) {
      if (held.length || event.key !== " " || document.activeElement?.matches(EDITABLE)) {
        hold(event, { key: event.key.length === 1 ? event.key : "", code: event.code, shift: event.shiftKey, altGr, at, gs });
        return;
      }
    } else if (held.length && event.ctrlKey && !event.metaKey) { // STX and its like, as Ctrl and a letter
      if (held.length >= LEAST) { swallow(event); return; }
    }
    release();
    clearTimeout(timer);
  }

  function onKeyUp(event) {
    if (event.key !== "Alt" || !numpad) return;
    const key = String.fromCharCode(Number(numpad));
    numpad = "";
    hold(event, { key, code: "", shift: false, altGr: false, at: event.timeStamp, gs: key === GS });
  }

  addEventListener("keydown", onKeyDown, true);
  addEventListener("keyup", onKeyUp, true);
  return () => { removeEventListener("keydown", onKeyDown, true); removeEventListener("keyup", onKeyUp, true); clearTimeout(timer); };
}
