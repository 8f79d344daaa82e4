// What a scanned text may be, as far as this page must know before the store has answered: GTINs, a weight, or just a text.
// The store reads the same text again (agent/core/barcodes.py) and has the last word.

const AIM = /^\][A-Za-z][0-9A-Za-z]/;
const GS = "\x1d";
// Element strings of fixed length: digits that follow their number (GS1 General Specifications 7.8.5).
const FIXED = { "00": 18, "01": 14, "02": 14, "03": 14, 11: 6, 12: 6, 13: 6, 15: 6, 16: 6, 17: 6, 20: 2, 31: 8, 32: 8, 33: 8, 34: 8, 35: 8, 36: 8, 41: 14 };

const checkDigit = (payload) => {
  const sum = [...payload].reverse().reduce((total, digit, at) => total + Number(digit) * (at % 2 ? 1 : 3), 0);
  return (10 - (sum % 10)) % 10;
};

/** A GTIN of any length as 14 digits; empty when it is none. */
export function gtin14(text) {
  if (!/^(\d{8}|\d{12,14})$/.test(text) || checkDigit(text.slice(0, -1)) !== Number(text.at(-1))) return "";
  return text.padStart(14, "0");
}

/** UPC-E's eight digits as what they are short for (General Specifications 5.2.1.4). */
function upcE(text) {
  if (!/^[01]\d{7}$/.test(text)) return "";
  const [, one, two, three, four, five, last, check] = text;
  const body = last <= "2" ? `${one}${two}${last}0000${three}${four}${five}`
    : last === "3" ? `${one}${two}${three}00000${four}${five}`
      : last === "4" ? `${one}${two}${three}${four}00000${five}` : `${one}${two}${three}${four}${five}0000${last}`;
  return gtin14(text[0] + body + check);
}

/** Element strings by their numbers, as far as they can be read. */
function elements(text) {
  const found = {};
  if (text.startsWith("(")) {
    for (const [, number, value] of text.matchAll(/\((\d{2,4})\)([^(]*)/g)) found[number] = value;
    return found;
  }
  let rest = text.replace(/^\x1d+/, "");
  while (/^\d{2}/.test(rest)) {
    const number = /^3[1-6]/.test(rest) ? rest.slice(0, 4) : rest.slice(0, 2);
    const length = FIXED[rest.slice(0, 2)];
    const end = length ? 2 + length : rest.indexOf(GS);
    found[number] = rest.slice(number.length, end < 0 ? undefined : end);
    if (end < 0 || end >= rest.length) break;
    rest = rest.slice(end).replace(/^\x1d/, "");
  }
  return found;
}

function weight(found) {
  const [number, value] = Object.entries(found).find(([name]) => /^3[12]0\d$/.test(name)) ?? [];
  if (!/^\d{6}$/.test(value ?? "")) return null;
  return Math.round(Number(value) / 10 ** Number(number[3]) * (number.startsWith("310") ? 1000 : 453.59237));
}

/** Was this day (YYMMDD; DD 00: the month's last) over yesterday? By this device's clock; the store looks again by its own. */
function isOver(day = "") {
  const today = new Date();
  const now = [today.getFullYear() % 100, today.getMonth() + 1, today.getDate()].map((part) => String(part).padStart(2, "0")).join("");
  return /^\d{6}$/.test(day) && (day.endsWith("00") ? `${day.slice(0, 4)}31` : day) < now;
}

/** A code the store printed itself, by its own forms: the item's GTIN, and grams where it says a weight. */
function inStore(ean, forms) {
  for (const { pattern, means, step } of forms) {
    if (![...pattern].every((sign, at) => !/\d/.test(sign) || sign === ean[at])) continue;
    const value = [...pattern].map((sign, at) => (sign === "V" ? ean[at] : "")).join("");
    const bare = [...pattern].map((sign, at) => (/[VX]/.test(sign) ? "0" : ean[at])).join("");
    // What checks the measure alone is of the zeroed code another digit than here: the store knows, here it is left out.
    const item = pattern.includes("C") ? "" : gtin14(bare + checkDigit(bare));
    return { front: `0${bare.slice(0, pattern.search(/[VCX]/))}`, gtin: item, grams: means === "grams" ? Number(value) * step : null };
  }
  return null;
}

/**
 * A scan: `text` and `aim` as the store's API has them, `gtins` it may be (14 digits each, none: no goods), `grams` when it
 * says a weight, `expired` when it says a day that is over. `fronts`: what the GTINs begin with, where only that is sure. `forms`: how the store's own codes are made.
 */
export function readScan(scanned, forms = []) {
  const aim = AIM.exec(scanned)?.[0] ?? "";
  const text = scanned.slice(aim.length).trim();
  const scan = { text, aim: aim || null, gtins: [], fronts: [], grams: null, expired: false };
  if (/^\d+$/.test(text)) {
    const plain = gtin14(text);
    const own = plain && /^0(2|04)/.test(plain) ? inStore(plain.slice(1), forms) : null;
    if (own) { scan.grams = own.grams; scan.gtins = [own.gtin].filter(Boolean); scan.fronts = own.gtin ? [] : [own.front]; return scan; }
    scan.gtins = [...new Set([aim === "]E4" ? "" : upcE(text), plain])].filter(Boolean);
    if (scan.gtins.length) return scan;
  }
  const link = /^https?:\/\/.*\/01\/(\d{8,14})(?=[/?#]|$)/i.exec(text);
  const said = link ? { "01": link[1].padStart(14, "0") } : /^(\(\d{2,4}\)|\x1d?01\d{14})/.test(text) ? elements(text) : {};
  const gtin = gtin14(said["01"] ?? "");
  if (gtin) scan.gtins = [gtin];
  scan.expired = isOver(link ? /[?&]17=(\d{6})/.exec(text)?.[1] : said["17"]);
  const grams = link ? /[?&](3[12]0\d)=(\d{6})/.exec(text) : null;
  scan.grams = weight(grams ? { [grams[1]]: grams[2] } : said);
  return scan;
}

/** Is this scan one of an item with these GTINs? */
export const isOf = (scan, gtins = []) => gtins.some((gtin) => {
  const whole = gtin.padStart(14, "0");
  return scan.gtins.includes(whole) || scan.fronts.some((front) => whole.startsWith(front));
});
