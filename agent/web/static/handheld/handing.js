// Handing over: which order, its bags read back, the age, and the customer's code or the courier. The store decides.

import { keep, make, put, show } from "../document.js";

const READY = new Set(["staged"]);

const bagsOf = (order) => order.bags?.length ?? 0;
const slotOf = (order) => (order.slots ?? []).join(", ");
const TO = { pickup: "to_customer", ship: "to_ship" };
const whom = (order) => TO[order.fulfil] ?? "to_courier";

/** Whether a scan names this order; a bag's label begins with its order. */
function isNamed(order, scan) {
  const named = scan.text.split(/[\s/;|]/)[0].toUpperCase();
  return [order.order, order.short].some((name) => name?.toUpperCase() === named);
}

export function handScreen(app) {
  const { $, t } = app;
  let orders = null;
  let early = null; // a scan that came before the orders did

  const choose = (order) => app.open("handing", { order });

  function find(scan) {
    const order = orders.find((one) => isNamed(one, scan));
    if (!order) { app.wrong(t("unknown_code")); app.tell(t("unknown_code")); return; }
    app.signal("right");
    app.tell("");
    choose(order);
  }

  $("hand-back").addEventListener("click", app.close);
  return {
    async enter() {
      orders = early = null;
      const answer = await app.line.request("/v1/board");
      orders = (answer.value?.orders ?? []).filter((order) => READY.has(order.state ?? order.stage));
      if (answer.status !== 200) app.tell(answer.why || t("gap_needs"));
      if (app.asked()?.name !== "hand") return;
      app.draw();
      if (early) find(early);
    },
    draw() {
      put($("hand-words"), orders === null ? t("loading") : t(orders.length ? "hand_words" : "hand_none"));
      keep($("hand-list"), orders ?? [], (order) => order.order, () => {
        const key = app.key("", "", () => choose(key.order));
        key.append(make("span", "short"), make("small"));
        return make("li", "", key);
      }, (node, order) => {
        const key = node.firstChild;
        key.order = order;
        put(key.children[0], order.short);
        const slot = slotOf(order) ? t("in_slot", { slot: slotOf(order) }) : "";
        const n = bagsOf(order);
        const bags = n ? t(n === 1 ? "stage_one" : "stage_what", { n }) : "";
        put(key.children[1], [t(whom(order)), bags, slot].filter(Boolean).join(" · "));
      });
    },
    onScan(scan) { if (orders === null) early = scan; else find(scan); },
  };
}

export function handingScreen(app) {
  const { $, t } = app;
  let order = null;
  let proof = {};
  let why = "";
  let sending = false;
  let chosenMs = 0;

  const pickup = () => order.fulfil === "pickup";
  const needsCode = () => order.has_code && app.worker?.role === "picker"; // a lead may do without
  const isReady = () => proof.bags && (!order.min_age || proof.age) && (pickup() ? !needsCode() || proof.code : proof.courier);
  const change = (what) => { proof = { ...proof, ...what }; why = ""; app.draw(); };

  function askCode() {
    app.askFor({ title: t("code_enter"), about: order.short, scans: true }, (code) => change({ code }));
  }

  function askCourier() {
    app.askFor({ title: t("courier_enter"), about: order.short, letters: true, scans: true }, (courier) => change({ courier }));
  }

  async function send() {
    if (sending || !isReady()) return;
    sending = true;
    const tookS = Math.min(86_400, Math.round((performance.now() - chosenMs) / 1000));
    const body = { bags: bagsOf(order), took_s: tookS, ...(order.min_age ? { age_checked: true } : {}), ...(pickup() ? { code: proof.code } : { courier: proof.courier }) };
    const answer = await app.line.request(`/v1/orders/${encodeURIComponent(order.order)}/hand_over`, body);
    sending = false;
    if (answer.status === 200) {
      app.signal("done");
      app.say(t("handed", { short: order.short }));
      app.open("hand");
      return;
    }
    app.signal("wrong");
    const left = answer.value?.tries_left;
    why = answer.status === 0 ? t("gap_needs") : left === 0 ? t("code_locked") : left != null && answer.status === 403 ? t("code_wrong", { n: left }) : t("hand_no", { why: app.refusal(answer.value?.mistakes?.[0]?.problem ?? answer.value?.error ?? answer.why) });
    if (answer.status === 403) proof.code = "";
    app.draw();
  }

  $("handing-do").addEventListener("click", send);
  $("handing-back").addEventListener("click", () => app.open("hand"));
  return {
    enter(asked) { // what was seen of one order is no proof of another
      order = asked.order;
      proof = {};
      why = "";
      chosenMs = performance.now();
      app.draw();
    },
    draw() {
      order = app.asked()?.order ?? order;
      put($("handing-short"), order.short);
      put($("handing-what"), [t(whom(order)), slotOf(order) && t("in_slot", { slot: slotOf(order) })].filter(Boolean).join(" · "));
      const n = bagsOf(order);
      const steps = [
        { name: "bags", text: t(n === 1 ? "bags_read_one" : "bags_read", { n }), done: proof.bags, act: () => change({ bags: !proof.bags }) },
        order.min_age && { name: "age", text: t("age_seen", { age: order.min_age }), done: proof.age, act: () => change({ age: !proof.age }) },
        pickup()
          ? order.has_code && { name: "code", text: proof.code ? t("code_is", { code: proof.code }) : t("code_enter"), done: Boolean(proof.code), act: askCode }
          : { name: "courier", text: proof.courier ? t("courier_is", { courier: proof.courier }) : t("courier_enter"), done: Boolean(proof.courier), act: askCourier },
      ].filter(Boolean);
      keep($("handing-steps"), steps, (one) => one.name, () => { const key = app.key("", "", () => key.act()); return key; }, (key, one) => {
        key.act = one.act;
        put(key, one.text);
        key.setAttribute("aria-pressed", String(Boolean(one.done)));
      });
      show($("handing-why"), why);
      put($("handing-do"), t("hand_do"));
      $("handing-do").disabled = !isReady();
    },
    onScan(scan) {
      app.signal("right");
      if (isNamed(order, scan)) change({ bags: true });
      else change(pickup() ? { code: scan.text } : { courier: scan.text });
    },
  };
}
