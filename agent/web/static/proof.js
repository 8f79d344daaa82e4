// This browser's own key: each request proves that it comes from here and not only with a stolen cookie
// (agent/people/proofs.py). With a certificate it is one that no script can read; on plain http, where browsers have no
// such thing, 32 bytes of chance and their HMAC.

const bytesOf = (text) => new TextEncoder().encode(text);
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

// SHA-256 (FIPS 180-4) for where crypto.subtle is not: its constants are the roots of the first primes.
const primes = [];
for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
const ROUNDS = primes.map((prime) => fraction(Math.cbrt(prime)));
const START = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const turn = (word, by) => (word >>> by) | (word << (32 - by));

export function sha256(bytes) {
  const whole = new Uint8Array((((bytes.length + 8) >> 6) + 1) << 6);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  const words = new DataView(whole.buffer);
  words.setUint32(whole.length - 4, bytes.length * 8);
  const state = [...START];
  const row = new Int32Array(64);
  for (let at = 0; at < whole.length; at += 64) {
    for (let i = 0; i < 64; i += 1) {
      if (i < 16) { row[i] = words.getInt32(at + 4 * i); continue; }
      const [x, y] = [row[i - 15], row[i - 2]];
      row[i] = row[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + row[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[i] + row[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] = (state[i] + word) | 0; });
  }
  const made = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => made.setInt32(4 * i, word));
  return new Uint8Array(made.buffer);
}

export function hmac(key, bytes) { // RFC 2104, with a key of 32 bytes
  const pad = (by) => { const block = new Uint8Array(64).fill(by); key.forEach((byte, i) => { block[i] ^= byte; }); return block; };
  return sha256(new Uint8Array([...pad(0x5c), ...sha256(new Uint8Array([...pad(0x36), ...bytes]))]));
}

/** A new key: `{open, kept}`: what the store is told of it, and what this browser keeps. */
export async function makeKey() {
  if (!crypto.subtle) {
    const kept = crypto.getRandomValues(new Uint8Array(32));
    return { open: { kty: "oct", k: base64url(kept) }, kept };
  }
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { open: { kty, crv, x, y }, kept: pair.privateKey };
}

const PAGE = Math.floor(Math.random() * 100); // two pages of one browser number their requests alike, and each counts once
let last = 0;

/** The header X-Proof of a request. */
export async function prove(kept, method, target, body) {
  const number = last = Math.max(last + 1, Date.now() * 100 + PAGE);
  const message = bytesOf(`${number}\n${method}\n${target}\n${base64url(sha256(bytesOf(body)))}`);
  const signed = kept instanceof Uint8Array ? hmac(kept, message)
    : new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, kept, message));
  return `${number}.${base64url(signed)}`;
}
