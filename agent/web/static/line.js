// The line to the store: asks and tells, and knows whether there is one.

import { prove } from "./proof.js";

const ANSWER_MS = 6000;

/**
 * `onChange(up)` when the line is gone or back. `csrf` is given by the session and sent with whatever changes something;
 * `key` is this browser's own (proof.js), null: the session has none.
 */
export function openLine(onChange) {
  const line = { up: true, csrf: "", key: null, request };

  function heard(up) {
    if (line.up === up) return;
    line.up = up;
    onChange(up);
  }

  /**
   * `status` (0: nobody answered), the answer's `value`, and `why` it was not done, or nothing. Never throws. What is not
   * JSON is read by `read(answer)`.
   */
  async function request(path, value, method = value === undefined ? "GET" : "POST", read = null) {
    const headers = method === "GET" ? {} : { "content-type": "application/json", "x-csrf": line.csrf };
    const body = value === undefined ? undefined : JSON.stringify(value);
    const { pathname, search } = new URL(path, location.href);
    try {
      if (line.key) headers["x-proof"] = await prove(line.key, method, pathname + search, body ?? "");
      const answer = await fetch(pathname + search, {
        method, headers, cache: "no-store", body,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const told = answer.status === 204 ? null : await (read && answer.ok ? read(answer) : answer.json());
      heard(answer.status < 502 || answer.status > 504 || told?.hint !== undefined); // a proxy's error is nobody's answer
      return { status: answer.status, value: told, why: answer.ok ? "" : told?.hint || told?.error || String(answer.status) };
    } catch {
      heard(false);
      return { status: 0, value: null, why: "" };
    }
  }

  addEventListener("offline", () => heard(false));
  return line;
}
