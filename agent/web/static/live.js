// Keeps the page fed: the whole stock once, then changes as they happen; says when the agent cannot be reached.

const SILENCE_MS = 5000; // after this long without a word, ask
const ANSWER_MS = 4000; // and wait this long for the answer
const AGAIN_MS = [500, 1000, 2000, 4000];

async function get(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/**
 * Calls onStock(stock), onHealth(health) with what the agent says, onLost() once when it cannot be reached any more
 * and onBack() once when it can again. Never gives up.
 */
export function follow({ onStock, onHealth, onLost, onBack }) {
  let stream = null;
  let heardAt = performance.now();
  let lost = false;
  let failures = 0;
  let retry = null;
  let asking = false;

  const heard = () => {
    heardAt = performance.now();
    failures = 0;
    if (lost) { lost = false; onBack(); }
  };

  const fail = () => {
    stream?.close();
    stream = null;
    if (!lost) { lost = true; onLost(); }
    if (retry !== null) return;
    const pause = AGAIN_MS[Math.min(failures++, AGAIN_MS.length - 1)];
    retry = setTimeout(() => { retry = null; open(); }, pause);
  };

  const open = () => {
    const mine = new EventSource("/v1/events");
    stream = mine;
    // The stream carries changes only, so each new one begins with the whole. Numbers are absolute: order does not matter.
    mine.onopen = async () => {
      try {
        const [stock, health] = await Promise.all([get("/v1/stock"), get("/v1/health")]);
        if (stream !== mine) return;
        heard();
        onStock(stock, true);
        onHealth(health);
      } catch { if (stream === mine) fail(); }
    };
    mine.onerror = () => { if (stream === mine) fail(); };
    mine.addEventListener("stock", (event) => { heard(); onStock(JSON.parse(event.data), false); });
    mine.addEventListener("health", (event) => { heard(); onHealth(JSON.parse(event.data)); });
    heardAt = performance.now();
  };

  // A pulled cable closes nothing: silence is broken by asking.
  setInterval(async () => {
    if (stream === null || asking || performance.now() - heardAt < SILENCE_MS) return;
    asking = true;
    const asked = stream;
    try {
      const health = await get("/v1/health");
      if (stream === asked) { heard(); onHealth(health); }
    } catch { if (stream === asked) fail(); }
    asking = false;
  }, 1000);

  open();
}
