// The open cases of a store as a list of cards, on the store's page and on the board.

import { inWords } from "./case_words.js";
import { keep, make, put, show } from "./document.js";
import { CASES, HINTS, OWNERS } from "./strings.js";

/**
 * A function that draws cases into `list`, those that are due first in front. `resolve(id, {by, word})` says that one is done
 * and gives why it was not; `asks`: the fields it needs of a person. `words(list)` is the half of a list in the page's language.
 */
export function caseCards({ say, span, number, moment, agentNow, words, resolve, asks = ["by", "word"] }) {
  const name = (table, key) => words(table)[key] ?? key.replaceAll("_", " ");

  /** Who did what a case asks for, and what: then it can be marked as done. */
  function buildDone() {
    const fields = asks.map((field) => {
      const input = make("input", "");
      Object.assign(input, { name: field, required: true, maxLength: field === "by" ? 64 : 200, autocomplete: "off" });
      return make("label", "small", make("span", ""), input);
    });
    const form = make("form", "done", ...fields, make("button", "plain"), make("p", "short small"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const told = Object.fromEntries(asks.map((field, nth) => [field, fields[nth].lastElementChild.value.trim()]));
      const why = await resolve(form.closest("li").dataset.key, told);
      show(form.lastElementChild, why && say("case_not_done", { why }));
    });
    return form;
  }

  function build(list) {
    const details = make("details", "",
      make("summary", "", make("strong"), make("span", "small"), make("span", "about")),
      make("p", "small"), make("div", "why", make("p", "detail"), make("p")), buildDone());
    details.open = list.childElementCount === 0; // the most urgent one says at once what to do
    return make("li", "", details);
  }

  function draw(node, item, mayResolve) {
    const [head, seen, why, done] = node.firstElementChild.children;
    const left = item.due - agentNow();
    put(head.children[0], name(CASES, item.case));
    put(head.children[1], left < 0 ? say("case_late", { age: span(-left) }) : say("case_due", { age: span(left) }));
    head.children[1].title = moment(item.due);
    head.children[1].classList.toggle("late", left < 0);
    put(head.children[2], item.about);
    put(seen, [
      say("case_owner", { owner: name(OWNERS, item.owner) }), say("case_since", { time: moment(item.opened_at) }),
      ...(item.times > 1 ? [say("case_times", { times: number(item.times) })] : []),
    ].join(" · "));
    const todo = words(HINTS)[item.case] ?? item.hint;
    show(why.children[0], words(inWords)(item.text ?? ""));
    why.children[0].title = item.text ?? "";
    show(why.children[1], todo ? say("todo", { text: todo }) : "");
    why.hidden = !item.text && !todo;
    done.hidden = !item.by_hand || !mayResolve;
    asks.forEach((field, nth) => put(done.children[nth].firstElementChild, say(`case_${field}`)));
    put(done.children[asks.length], say("case_done"));
  }

  return (list, cases, most, mayResolve = true) => keep(list, [...cases].sort((a, b) => a.due - b.due).slice(0, most),
    (item) => item.id, () => build(list), (node, item) => draw(node, item, mayResolve));
}
