// Numbers and codes by thumb, where a scan cannot say them.

import { put } from "../document.js";

/** Keys 0 to 9, erase and a last one. `onDigit(digit)`, `onErase()`, `onDone()`. */
export function digits(app, node, doneKey, { onDigit, onErase, onDone }) {
  for (const digit of "123456789") node.append(withText(app.key("", "", () => onDigit(digit)), digit));
  node.append(app.key("", "erase", onErase), withText(app.key("", "", () => onDigit("0")), "0"), app.key("go", doneKey, onDone));
}

function withText(node, text) {
  put(node, text);
  return node;
}

/** The screen that asks for a number or a code: whatever is typed or scanned. */
export function numberScreen(app) {
  const { $, t } = app;
  let value = "";
  const question = () => app.asked().question;
  const enter = () => { if (value) app.asked().then(value); };
  const press = (digit) => { if (value.length < 40) value += digit; draw(); };

  function draw() {
    const { title, about = "", all = 0, letters } = question();
    put($("number-title"), title);
    put($("number-about"), about);
    put($("number-value"), value || (all ? String(all) : "–"));
    $("number-field").hidden = !letters;
  }

  digits(app, $("number-keys"), "enter", {
    onDigit: press,
    onErase() { value = value.slice(0, -1); $("number-field").value = value; draw(); },
    onDone() { if (!value && question().all) value = String(question().all); enter(); },
  });
  $("number-back").addEventListener("click", () => app.askedBack());
  $("number-field").addEventListener("input", () => { value = $("number-field").value; draw(); });
  $("number-field").addEventListener("keydown", (event) => { if (event.key === "Enter") enter(); });

  return {
    enter() { value = ""; $("number-field").value = ""; draw(); if (question().letters) $("number-field").focus(); },
    draw,
    onTyped(text) { for (const sign of text) if (question().letters || /\d/.test(sign)) press(sign); return true; },
    onEnter: enter,
    onScan(scan, text) {
      if (question().scans) { value = scan.text; return enter(); }
      app.askedBack(); // what is scanned instead says it
      return app.scan(text);
    },
  };
}
