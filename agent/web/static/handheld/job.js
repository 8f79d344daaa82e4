// The job as it stands: what the store last said of it, and on top of it what was reported here since. Values in, values out.

const CLOSED = new Set(["picked", "short", "substituted", "removed"]);
const COUNTED = { picked: "done", weighed: "done", put_back: "done", substituted: "done", short: "missed", held_by_customer: "missed" };

export const isOpen = (stop) => !CLOSED.has(stop.state);
export const need = (stop) => Math.max(0, stop.qty - stop.done - (stop.missed ?? 0));

/** Grams that may be put in, of a line that is weighed: [least, most]. */
export const band = (stop) => [-1, 1].map((way) => Math.round(stop.qty * (1 + way * (stop.tolerance_pct ?? 10) / 100)));


function settle(stop, outcome) {
  const enough = stop.unit === "gram" && outcome !== "short" ? stop.done >= band(stop)[0] : stop.done + (stop.missed ?? 0) >= stop.qty;
  if (!enough) { stop.state = "todo"; return; }
  stop.state = outcome === "substituted" ? "substituted" : stop.missed && !stop.done ? "short" : "picked";
}

/** The temperatures of which an order's goods still wait for a slot, each with the slot that is suggested. */
export const slots = (order) => Object.entries(order.suggested_slots ?? {});

function enter(task, { kind, body, of, stop: at }) {
  const order = task.orders.find((one) => one.order === body.order);
  if (kind === "pack") {
    if (order) { order.next = "stage"; order.bags = body.bags; }
    return;
  }
  if (body.outcome === "staged") {
    if (!order) return;
    const left = slots(order);
    const stood = left.find(([, slot]) => slot === body.slot) ?? left[0];
    order.suggested_slots = Object.fromEntries(left.filter((one) => one !== stood));
    if (left.length < 2) order.next = "hand_over";
    return;
  }
  const stop = task.stops.find((one) => one.stop === at);
  const undone = body.outcome === "undo" ? of : null;
  const field = COUNTED[undone?.outcome ?? body.outcome];
  if (!stop || !field || (of?.stays && !undone)) return; // it may be at its other place
  stop[field] = Math.max(0, (stop[field] ?? 0) + (undone ? -undone.qty : body.qty));
  settle(stop, body.outcome);
  if (order && undone && order.next === "pack") order.next = "pick";
  if (order && order.next === "pick" && !task.stops.some((one) => one.order === order.order && isOpen(one))) order.next = "pack";
}

/**
 * The task with these entries (as in outbox.js) in it, or null. An undo's `of` is the body of what it takes back. Stops that
 * were `asked` about, here or on another handheld, wait as long as their order does.
 */
export function withEntries(task, entries, asked) {
  if (!task) return null;
  const mine = entries.filter((entry) => entry.task === task.id);
  const now = structuredClone(task);
  for (const entry of mine) enter(now, entry);
  const waiting = new Set(now.orders.filter((order) => order.next === "wait").map((order) => order.order));
  for (const stop of now.stops) stop.asked = (Boolean(asked[stop.stop]) || stop.answer_in_s != null) && waiting.has(stop.order);
  return now;
}

/** The stop to go to: the one somebody turned to, or the first of the tour that is open; undefined when none is. */
export const here = (task, turnedTo) => {
  const open = task.stops.filter((stop) => isOpen(stop) && !stop.asked);
  return open.find((stop) => stop.stop === turnedTo) ?? open[0];
};

/** The one after it. */
export const after = (task, stop) => {
  const open = task.stops.filter((one) => isOpen(one) && !one.asked && one !== stop);
  return open.find((one) => task.stops.indexOf(one) > task.stops.indexOf(stop)) ?? open[0];
};

/** What is to be done with the task now: "walk", "pack", "stage", "wait" (a customer was asked) or "over". */
export function step(task, turnedTo) {
  if (here(task, turnedTo)) return { step: "walk" };
  if (task.kind === "put_back") return { step: "over" };
  for (const wanted of ["stage", "pack"]) {
    const order = task.orders.find((one) => one.next === wanted);
    if (order) return { step: wanted, order };
  }
  const waits = task.stops.some(isOpen) || task.orders.some((one) => one.next === "wait" || one.next === "pick");
  return { step: waits ? "wait" : "over" };
}

/** The tote's place on the cart, from 0: by its colour it is told from the others at a glance. */
export const toteNumber = (task, order) => Math.max(0, task.totes.findIndex((tote) => tote.order === order));

/** [pieces or packages of the tour that are done, all]. */
export const progress = (task) => [task.stops.filter((stop) => !isOpen(stop)).length, task.stops.length];
