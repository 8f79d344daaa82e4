// What was reported here and is not answered yet: in order, each under its own name, sent until the store says what it did.

const MOST = 200; // in one go, as the API takes them
const AGAIN_MS = [300, 1000, 2000, 3000];
const PAGE = Math.floor(Math.random() * 100); // two pages of one browser keep their entries in one place, side by side

/**
 * An entry: `{n, id, kind: "report" | "pack", task, token, body, …}`. `line.request` sends; `memory` keeps.
 * `onAnswer(entries, answer)` is told of each answer that settles entries, `onChange()` of every change in what waits,
 * `onSignIn()` when the session has ended. Entries are `sent` in the order they were added.
 */
export function openOutbox({ line, memory, entries, onAnswer, onChange, onSignIn }) {
  const waiting = entries;
  let last = waiting.at(-1)?.n ?? 0;
  let sending = false;
  let stopped = false;
  let tries = 0;
  let timer = 0;
  const unkept = new Set(); // numbers of those the device's disk has not confirmed
  let single = false; // something in a batch was not understood: one by one tells which

  function batch() {
    const [first] = waiting;
    if (first.kind !== "report" || single) return [first];
    const end = waiting.findIndex((one) => one.kind !== "report" || one.task !== first.task || one.token !== first.token);
    return waiting.slice(0, Math.min(MOST, end < 0 ? waiting.length : end));
  }

  function send(entriesNow) {
    const { kind, task, token, body } = entriesNow[0];
    const path = `/v1/pick/tasks/${encodeURIComponent(task)}`;
    if (kind === "pack") return line.request(`${path}/pack`, { token, ...body });
    return line.request(`${path}/reports`, { token, reports: entriesNow.map((one) => ({ id: one.id, at_ms: one.at_ms, ...one.body })) });
  }

  function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(flush, ms);
  }

  async function flush() {
    if (sending || stopped) return;
    clearTimeout(timer);
    sending = true;
    while (waiting.length && !stopped) {
      const now = batch();
      const answer = await send(now);
      if (answer.status === 401 || answer.status === 403) { stopped = true; onSignIn(); break; }
      if (answer.status === 0 || answer.status === 429 || answer.status >= 500) {
        later(1000 * (answer.value?.retry_after_s ?? 0) || AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
        break;
      }
      tries = 0;
      if (now.length > 1 && answer.status !== 200 && !answer.value?.results) { single = true; continue; }
      waiting.splice(0, now.length);
      if (!waiting.length) single = false;
      memory.drop(now.map((one) => one.n));
      onAnswer(now, answer);
    }
    sending = false;
    onChange();
  }

  return {
    waiting,
    /** How many of them are on the device's disk: these outlive the page. */
    kept: () => waiting.filter((one) => !unkept.has(one.n)).length,
    /** Adds an entry and sends what waits; resolves once the entry is kept on the device, or could not be. */
    async add(entry) {
      last = Math.max(last + 1, Date.now() * 100 + PAGE);
      const whole = { n: last, ...entry };
      waiting.push(whole);
      unkept.add(whole.n);
      queueMicrotask(flush); // what a scan sounds and shows comes first
      try { await memory.add(whole); unkept.delete(whole.n); } catch { /* its disk is full: it waits here all the same */ }
      onChange();
    },
    /** Goes on: the line is back, or somebody has signed in. */
    flush() { stopped = false; tries = 0; flush(); },
  };
}
