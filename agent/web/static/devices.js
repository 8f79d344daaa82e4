// How each device does: what it reads, why it is down, and what to do about it.

import { facts, keep, make, mark, put, show } from "./document.js";
import { ofDriver, SENTENCES, TROUBLES, TROUBLE_HINTS } from "./strings.js";

const $ = (id) => document.getElementById(id);
const MARKS = { up: "good", starting: "wait", down: "down", refused: "stop" };
const CLOCK_OFF_S = 60;

/** Draws the devices' cards; `page` has the page's words, numbers and times in its language of the moment. */
export function deviceCards(page) {
  const { say, number } = page;
  const own = (said) => ofDriver(page.words(SENTENCES), said ?? "");

  function build() {
    return make("li", "", make("details", "",
      make("summary", "", make("strong"), make("span", "", make("span"), make("span")), make("span", "about")),
      make("div", "why", make("p", "strong-words"), make("p", "detail"), make("p"), make("p", "small")), make("dl", "facts")));
  }

  /** Something that a person should know of a device that works, and what to do. */
  function mildly(device) {
    if (Math.abs(device.clock_off_s ?? 0) > CLOCK_OFF_S) {
      const off = device.clock_off_s > 0 ? "device_clock_ahead" : "device_clock_behind";
      return [say(off, { age: page.span(Math.abs(device.clock_off_s) * 1000) }), say("device_clock_todo")];
    }
    return [device.dropped_why ? say("device_dropped_why", { why: device.dropped_why }) : "", ""];
  }

  /** In the driver's words, if they are known in this language: it may know more than what is said of every such trouble. */
  function whatToDo({ trouble, hint }) {
    const told = own(hint);
    return told === hint ? page.words(TROUBLE_HINTS)[trouble] || hint : told;
  }

  function drawWhy(why, device, broken) {
    const left = device.retry_at ? device.retry_at - page.agentNow() : 0;
    const [mild, todo] = broken ? ["", whatToDo(device)] : mildly(device);
    why.hidden = !broken && !mild;
    why.classList.toggle("mild", !broken);
    show(why.children[0], broken ? page.words(TROUBLES)[device.trouble] : "");
    show(why.children[1], broken ? own(device.why) : mild);
    why.children[1].title = broken ? device.why : mild;
    show(why.children[2], todo ? say("todo", { text: todo }) : "");
    show(why.children[3], broken && device.tries
      ? say(left > 0 ? "device_retry_in" : "device_retry_now", { tries: number(device.tries), age: page.span(left) }) : "");
  }

  function draw(node, device) {
    const details = node.firstElementChild;
    const [head, why, list] = details.children;
    const broken = device.state === "down" || device.state === "refused";
    if (node.dataset.state !== device.state) { // whoever is in trouble says at once why
      node.dataset.state = device.state;
      details.open = broken;
    }
    put(head.children[0], device.name);
    mark(head.children[1].children[0], MARKS[device.state] ?? "wait");
    put(head.children[1].children[1], say(`device_${device.state}`));
    const now = say("device_now", { rate: page.rate(device.rate_per_s ?? 0), ago: page.ago(device.last_reading_at) });
    put(head.children[2], device.last_reading_at ? `${device.kind} · ${now}` : device.kind);
    drawWhy(why, device, broken);
    facts(list, [
      [say("device_about"), device.about || null],
      [say("device_since"), device.since ? page.moment(device.since) : null],
      [say("device_readings"), number(device.readings)],
      [say("device_sign"), device.sign_of_life_at ? page.ago(device.sign_of_life_at) : null],
      [say("device_reconnects"), device.losses ? number(device.losses) : null],
      [say("device_lost"), device.lost_at ? `${page.moment(device.lost_at)} · ${own(device.lost_why)}` : null],
      [say("device_booked"), device.scans_booked ? number(device.scans_booked) : null],
      [say("device_refusals"), device.scans_refused ? `${number(device.scans_refused)} · ${device.refusal}` : null],
      [say("device_dropped"), device.dropped ? number(device.dropped) : null],
    ]);
  }

  return (devices) => {
    const up = devices.filter((device) => device.state === "up").length;
    put($("devices-count"), devices.length ? say("devices_up", { up, all: devices.length }) : "");
    $("devices-none").hidden = devices.length > 0;
    keep($("devices"), devices, (device) => device.name, build, draw);
  };
}
