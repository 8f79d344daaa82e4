// Badge and PIN, for every page of which somebody must be in.

import { makeKey } from "./proof.js";

/**
 * Asks the store to let somebody in, with a new key of this browser's: `worker` and `csrf` once it did, and `kept`, what
 * this browser is to keep of the key; else `trouble` (no_line, wrong, wait with `waitMs`, other) and `why`.
 */
export async function signIn(line, badge, pin, lang) {
  const { open, kept } = await makeKey();
  line.key = null; // whoever was in before is not asked
  const { status, value, why } = await line.request("/v1/session", { badge, pin, lang, key: open });
  if (status === 200) return { ...value, kept, trouble: "" };
  const trouble = status === 0 ? "no_line" : status === 429 ? "wait" : status === 401 ? "wrong" : "other";
  return { trouble, why, waitMs: 1000 * (value?.retry_after_s ?? 0) };
}
