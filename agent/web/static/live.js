// Keeps the page fed: the whole stock once, then changes as they happen; says when the agent cannot be reached.

const SILENCE_MS = 5000; // after this long without a word, ask
const ANSWER_MS = 4000; // and wait this long for the answer
const AGAIN_MS = [300, 1000, 2000, 4000];

/** What the agent answers to a GET; throws when it does not. */
export async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** Posts a JSON value: `status` (0: nobody answered), the answer's `value`, and `why` it was not taken, or nothing. */
export async function post(path, value) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value), signal: AbortSignal.timeout(ANSWER_MS),
    });
    const told = await answer.json();
    return { status: answer.status, value: told, why: answer.ok ? "" : `${answer.status}: ${told.hint}` };
  } catch (error) {
    return { status: 0, value: null, why: String(error.message) };
  }
}

/** Posts a JSON value; why it was not taken, or nothing. */
export const tell = async (path, value) => (await post(path, value)).why;

/**
 * Calls onStock(stock, whole) and onHealth(health) with what the agent says, onBoard() when there is another board, onLost() once when it cannot be reached
 * any more and onBack() once when it can again. Never gives up. An agent that answers but has no stream to give
 * (too many pages are open) is asked again and again.
 */
export function follow({ onStock, onHealth, onBoard, onLost, onBack }) {
  let stream = null;
  let heardAt = performance.now();
  let lost = false;
  let tries = 0;
  let asking = false;

  const heard = () => {
    heardAt = performance.now();
    if (lost) { lost = false; onBack(); }
  };

  const fetchAll = async () => {
    const [stock, health] = await Promise.all([onStock && ask("/v1/stock"), ask("/v1/health")]);
    heard();
    onStock?.(stock, true);
    onHealth(health);
    onBoard?.();
  };

  // The stream carries changes only, so each new one begins with the whole. Numbers are absolute: order does not matter.
  const open = () => {
    const mine = new EventSource("/v1/events");
    const broken = () => { if (stream === mine) again(); };
    stream = mine;
    heardAt = performance.now();
    mine.onopen = () => { tries = 0; fetchAll().catch(broken); };
    mine.onerror = broken;
    mine.addEventListener("stock", (event) => { heard(); onStock?.(JSON.parse(event.data), false); });
    mine.addEventListener("board", () => { heard(); onBoard?.(); });
    mine.addEventListener("health", (event) => { heard(); onHealth(JSON.parse(event.data)); });
  };

  const again = () => {
    stream?.close();
    stream = null;
    setTimeout(async () => {
      try {
        await fetchAll();
        open();
      } catch {
        if (!lost) { lost = true; onLost(); }
        again();
      }
    }, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
  };

  // A pulled cable closes nothing: silence is broken by asking.
  setInterval(async () => {
    if (stream === null || asking || performance.now() - heardAt < SILENCE_MS) return;
    const asked = stream;
    asking = true;
    try {
      onHealth(await ask("/v1/health"));
      heard();
    } catch {
      if (stream === asked) again();
    }
    asking = false;
  }, 1000);

  open();
}
