// What a device remembers for itself: its language, its scanner's ways. Nothing of the store's.

/** What this device remembers under a name. */
export function kept(name, otherwise) {
  try { return localStorage.getItem(name) ?? otherwise; } catch { return otherwise; } // storage may be forbidden
}

export function keep(name, value) {
  try { localStorage.setItem(name, value); } catch { /* as above */ }
}

/** A setting of this device: given once in the page's address, then remembered. */
export function setting(name, otherwise) {
  const given = new URLSearchParams(location.search).get(name);
  if (given !== null) keep(name, given);
  return given ?? kept(name, otherwise);
}

/** Eight characters of chance: a device is told from others by them. */
export const random = () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => (byte % 36).toString(36)).join("");
